#!/bin/sh
# Programs that pip cannot bring: Bowtie2 for clustering, a C compiler to build cooltools, Python's venv module.
# Installs what is missing when that is allowed (root on Debian), else says what to install.
# `system-tools.sh slurm`: Slurm and munge for the tests that start one of their own; nothing fails without them.
set -u
if [ "${1:-}" = slurm ]; then
    command -v slurmctld >/dev/null && command -v slurmd >/dev/null && command -v munged >/dev/null && exit 0
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "Installing slurm-wlm munge with apt-get"
        apt-get update -qq &&
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurm-wlm munge >/dev/null && exit 0
    fi
    echo "No Slurm (Debian: slurm-wlm munge): the tests that run on one are skipped" >&2
    exit 0
fi
missing=""
packages=""
need() { # need NAME PACKAGE COMMAND...: COMMAND tells whether NAME is there
    name=$1 package=$2
    shift 2
    if ! "$@" >/dev/null 2>&1; then
        missing="$missing $name"
        packages="$packages $package"
    fi
}
python=${PYTHON:-python3}
need bowtie2 bowtie2 command -v bowtie2
need "C-compiler" gcc command -v gcc
need "C-library-headers" libc6-dev test -e /usr/include/stdlib.h
need "Python-headers" python3-dev "$python" -c 'import os, sysconfig; assert os.path.exists(sysconfig.get_path("include") + "/Python.h")'
need "Python-venv" python3-venv "$python" -c 'import ensurepip, venv'
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing$packages with apt-get"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null && exit 0
    echo "apt-get could not install:$packages" >&2
    exit 1
fi
cat >&2 <<EOF
Missing:$missing
Install on Debian or Ubuntu:  sudo apt-get install$packages
or with conda:                conda create -n cisflow -c conda-forge -c bioconda python=3.11 bowtie2=2.5 gcc_linux-64
                              conda activate cisflow
EOF
exit 1
