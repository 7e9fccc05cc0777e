# The only commands. `just` lists them.

default:
    @just --list

# Everything that CI runs
ci: lint test

# Linters and types
lint:
    uv run ruff check .
    uv run ruff format --check .
    uv run mypy
    uv run lint-imports
    uv run deptry .
    python3 .ci/pins.py --check

# All tests that this machine can run
test *ARGS:
    uv run pytest {{ARGS}}

# The quick ones: no Ray, no media, no browser
unit *ARGS:
    uv run pytest -m "not ray and not media and not browser and not durable and not gpu" {{ARGS}}

# Resolve again and write the versions into pyproject.toml
pins:
    uv lock --upgrade
    python3 .ci/pins.py

# Format
format:
    uv run ruff check --fix .
    uv run ruff format .
