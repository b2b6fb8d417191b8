"""Figures: one style, and one way to save a figure with the table that it draws."""
