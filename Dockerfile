# The environment of the lock in one image: Python, the packages of requirements.lock, Bowtie2, and the workflow itself.
#   docker build -t cisflow .
#   docker run --rm -u "$(id -u):$(id -g)" -v "$PWD:/data" cisflow --cores 2                    # the demo, results in ./results
#   docker run --rm -u "$(id -u):$(id -g)" -v "$PWD:/data" cisflow --cores 8 --configfile my_study.yaml
# apptainer.def is the same for Apptainer; tests/unit/environments compares the two.
FROM python:3.11-slim-bookworm
COPY envs/system-tools.sh /opt/cisflow/envs/system-tools.sh
RUN /opt/cisflow/envs/system-tools.sh && rm -rf /var/lib/apt/lists/*
COPY requirements.lock /opt/cisflow/requirements.lock
RUN python -m pip install --no-cache-dir --disable-pip-version-check -r /opt/cisflow/requirements.lock
COPY LICENSE README.md pyproject.toml Snakefile /opt/cisflow/
COPY config /opt/cisflow/config
COPY envs /opt/cisflow/envs
COPY profiles /opt/cisflow/profiles
COPY scripts /opt/cisflow/scripts
COPY workflow /opt/cisflow/workflow
RUN python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --editable /opt/cisflow
# Snakemake keeps caches in HOME; the mounted folder is the one that whoever runs the image can write to.
ENV HOME=/data PYTHONUNBUFFERED=1
WORKDIR /data
ENTRYPOINT ["snakemake", "-s", "/opt/cisflow/Snakefile", "--workflow-profile", "/opt/cisflow/profiles/default"]
CMD ["--cores", "2"]
