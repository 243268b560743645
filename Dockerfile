# The image holds one static program and the certificates of the public authorities: no shell, no libraries, no root.
# To build:  docker build -t vestibule .
# To run:    docker run -v ./etc:/etc/vestibule:ro -p 4180:4180 vestibule
# The program itself stays on loopback; the image listens on all addresses of the container. That variable wins over
# the file: to listen elsewhere, set it with --env.

FROM rust:1-bookworm AS build
SHELL ["/bin/bash", "-eo", "pipefail", "-c"]
WORKDIR /src
COPY . .
# Dependencies are compiled once and kept in cache mounts. Naming the target keeps build scripts and macros dynamic
# while the program is linked statically.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    target="$(rustc -vV | sed -n 's/^host: //p')" \
    && RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --bin vestibule --target "$target" \
    && cp "target/$target/release/vestibule" /vestibule \
    && if readelf --dynamic /vestibule | grep NEEDED; then echo "not a static program" >&2; exit 1; fi

FROM scratch
LABEL org.opencontainers.image.title="Vestibule" \
      org.opencontainers.image.description="An authenticating reverse proxy: OpenID Connect in front of web applications that have no sign-in of their own" \
      org.opencontainers.image.licenses="Apache-2.0 OR MIT"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /vestibule /vestibule
ENV VESTIBULE_LISTEN__HTTP='["0.0.0.0:4180"]'
USER 65532:65532
EXPOSE 4180 4181
HEALTHCHECK CMD ["/vestibule", "healthcheck", "--config", "/etc/vestibule/vestibule.toml"]
ENTRYPOINT ["/vestibule"]
CMD ["serve", "--config", "/etc/vestibule/vestibule.toml"]
