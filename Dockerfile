# impasto on the CPU, for a user who is not root. Two targets, each of which paints without a network:
#
#   docker build --target cli -t impasto .
#   docker run --rm --network none -v "$PWD:/pictures" -u "$(id -u):$(id -g)" impasto paint photo.jpg --style painting.jpg -o out.png
#
#   docker build -t impasto-studio .
#   docker run --rm -p 127.0.0.1:8765:8765 -v impasto:/data impasto-studio

FROM python:3.13-slim AS wheel
WORKDIR /source
COPY pyproject.toml constraints.txt README.md CHANGELOG.md LICENSE NOTICE ./
COPY src ./src
COPY assets ./assets
RUN pip install --no-cache-dir -c constraints.txt hatchling && python -m hatchling build -t wheel -d /wheel

FROM python:3.13-slim AS cli
COPY constraints.txt /tmp/constraints.txt
COPY --from=wheel /wheel /tmp/wheel
# The CPU's build of torch first: the ordinary one brings gigabytes of libraries for GPUs.
RUN pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu torch==2.13.0 \
    && pip install --no-cache-dir -c /tmp/constraints.txt "$(ls /tmp/wheel/*.whl)[studio,heif]" \
    && rm -r /tmp/wheel /tmp/constraints.txt \
    && useradd --create-home --uid 1000 painter \
    && install -d -o painter -g painter /pictures /data
# Whoever runs it as another user (-u) has no home folder there: caches go where anybody may write.
ENV IMPASTO_CACHE=/tmp/impasto-cache PYTHONUNBUFFERED=1
USER painter
WORKDIR /pictures
ENTRYPOINT ["impasto"]
CMD ["--help"]

FROM cli AS studio
VOLUME /data
EXPOSE 8765
# Any answer means that it is at work: without the token, that is 401.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8765, timeout=4); c.request('GET', '/'); raise SystemExit(c.getresponse().status >= 500)"]
CMD ["studio", "--listen", "--token", "auto", "--no-browser", "--data", "/data"]
