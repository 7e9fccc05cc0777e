# The only commands. `just` lists them.

default:
    @just --list

# Everything that CI runs
ci: lint test

# Linters and types
lint: && web-check
    uv run ruff check .
    uv run ruff format --check .
    uv run mypy
    uv run lint-imports
    uv run deptry .
    python3 .ci/pins.py --check

# All tests that this machine can run
test *ARGS:
    uv run pytest -n 2 {{ARGS}}

# The quick ones: no Ray, no media, no browser
unit *ARGS:
    uv run pytest -m "not ray and not media and not browser and not durable and not gpu" {{ARGS}}

# Concurrent clients, judged while nodes are killed and stand still, for minutes: see `--help`
histories *ARGS:
    uv run python -m tests.histories {{ARGS}}

# The web site with hot reload at http://127.0.0.1:5173, on a system that runs: the one of these settings, or at MATINEE_SITE_URL
web:
    uv run python -m serve_apps.web.build install
    cd serve_apps/web/site && MATINEE_SITE_URL="${MATINEE_SITE_URL:-$(uv run python -c 'from cluster.settings import load; print(load().site_url)')}" uv run npm run dev

# The pictures of README.md, into docs/pictures, on a system of its own with the demo; `--running` takes the one of these settings
screenshots *ARGS:
    uv run python -m bench.pictures {{ARGS}}

# Types, format and unit tests of the web site
web-check:
    uv run python -m serve_apps.web.build install
    cd serve_apps/web/site && uv run npm run --silent check
    cd serve_apps/web/site && for api in api/*.json; do uv run node node_modules/openapi-typescript/bin/cli.js "$api" -o "${api%.json}.ts" --check || exit 1; done

# What the services say of themselves, and its types, into the web site
types:
    uv run python -m cluster.launch.openapi
    uv run python -m serve_apps.web.build install
    cd serve_apps/web/site && for api in api/*.json; do uv run node node_modules/openapi-typescript/bin/cli.js "$api" -o "${api%.json}.ts" || exit 1; done

# Resolve again and write the versions into pyproject.toml
pins:
    uv lock --upgrade
    python3 .ci/pins.py

# Format
format:
    uv run ruff check --fix .
    uv run ruff format .
    uv run python -m serve_apps.web.build install
    cd serve_apps/web/site && uv run npm run --silent format
