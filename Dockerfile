# Candid in a container: docker build -t candid . ; see compose.yaml for how to run it.
# Data, the database and compiled code live in /data; everything else can be read-only.

FROM python:3.13-slim AS build
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    UV_PROJECT_ENVIRONMENT=/opt/candid \
    UV_PYTHON_DOWNLOADS=never
RUN pip install --no-cache-dir "uv>=0.9,<1"
WORKDIR /src
# The dependencies first: they change less often than the code, so their layer is kept.
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --frozen --no-dev --extra heic --extra c2pa --extra review --extra scale --no-install-project
COPY config.toml ./
COPY bot bot
COPY model model
COPY training training
RUN uv sync --frozen --no-dev --extra heic --extra c2pa --extra review --extra scale --no-editable

FROM python:3.13-slim
ENV PATH=/opt/candid/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    KERAS_HOME=/tmp/keras \
    CANDID_STORE__PATH=/data/candid.sqlite3
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin candid \
    && install --directory --owner=candid --group=candid --mode=0700 /data
COPY --from=build /opt/candid /opt/candid
WORKDIR /data
VOLUME /data
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["candid"]
