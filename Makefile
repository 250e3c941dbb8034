# Everything starts here: `make` lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin

# Debian packages $(2), unless the command $(1) succeeds.
define debian
@{ $(1); } >/dev/null 2>&1 || { \
    echo "installing $(2)"; S=$$([ "$$(id -u)" = 0 ] || echo sudo); \
    $$S apt-get update -qq && $$S apt-get install -y -qq --no-install-recommends $(2); }
endef

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/installed: requirements-dev.lock pyproject.toml
	$(call debian,python3 -c 'import ensurepip; import venv',python3-venv)
	python3 -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: demo
demo: $(VENV)/installed ## boot the lab, start Docker and ipvl, and walk through the specification
	$(BIN)/python -m lab setup
	$(BIN)/python -m lab.demo

.PHONY: test
test: lint unit install-test lab-test ## run all tests

.PHONY: lint
lint: $(VENV)/installed ## formatting, linters, types, import rules
	@mkdir -p build
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/mypy --strict lab benchmarks manual
	$(BIN)/lint-imports > build/imports.log 2>&1 || { cat build/imports.log; exit 1; }
	$(BIN)/codespell
	git ls-files '*.sh' .ci/run | xargs $(BIN)/shellcheck
	@$(MAKE) --no-print-directory man
	$(call debian,command -v mandoc,mandoc)
	mandoc -Tlint -Wwarning build/man/*.1

MAN_DATE = $(shell git log -1 --format=%cs 2>/dev/null || date +%F)

.PHONY: man
man: $(VENV)/installed ## write the man pages to build/man
	@mkdir -p build
	$(BIN)/python -m manual pages build/man "$(MAN_DATE)"

.PHONY: docs
docs: $(VENV)/installed ## write what is made in docs/ anew: the commands and the picture of the topology
	$(BIN)/python -m manual docs docs

.PHONY: unit
unit: $(VENV)/installed ## the tests that need no kernel
	$(call debian,command -v zsh && command -v tcsh,zsh tcsh)
	$(BIN)/pytest

.PHONY: install-test
install-test: $(VENV)/installed ## `make install` in a folder of its own: half a minute
	$(BIN)/pytest tests/install

.PHONY: lab-test
lab-test: $(VENV)/installed ## the tests in the lab: real kernel, real Docker
	$(BIN)/python -m lab setup --all
	$(BIN)/pytest tests/lab -p no:randomly -n 4 --dist loadscope --no-loadscope-reorder --durations=0 --durations-min=1

.PHONY: lab-test-stock
lab-test-stock: $(VENV)/installed ## the same with every scenario on its suite's own kernel, in emulation: more than an hour
	$(BIN)/python -m lab setup --all
	$(BIN)/pytest tests/lab -p no:randomly --stock-kernels -n 2 --dist loadscope --durations=0 --durations-min=1

.PHONY: soak
soak: $(VENV)/installed ## the long tests: what `make test` runs a bounded version of
	$(BIN)/python -m lab setup --all
	$(BIN)/pytest tests/unit tests/contract tests/lab -m soak -p no:randomly -n 2 --dist load --maxschedchunk 1 --durations=0 --durations-min=1

.PHONY: bench
bench: $(VENV)/installed ## measure, and write docs/performance.md anew; ONLY=start, attach, forward, flags, ports or scale for one group
	$(BIN)/python -m lab setup
	$(BIN)/python -m benchmarks $(addprefix --only ,$(ONLY))

.PHONY: profile
profile: $(VENV)/installed ## where the daemon, `ipvl run` and `ipvl attach` spend their time
	$(BIN)/python -m lab setup
	$(BIN)/python -m benchmarks.profile

.PHONY: shell
shell: $(VENV)/installed ## a shell in the lab
	$(BIN)/python -m lab setup
	$(BIN)/python -m lab shell

.PHONY: lock
lock: $(VENV)/installed ## pin the newest versions that requirements*.in allow
	$(BIN)/pip install --quiet uv
	for name in requirements requirements-dev; do \
	    $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	        --no-header --no-emit-index-url --no-emit-find-links $$name.in -o $$name.lock || exit 1; done

PYTHON := python3
PREFIX := /opt/ipvl
BINDIR := /usr/local/bin
UNITDIR := /etc/systemd/system
MANDIR := /usr/local/share/man/man1
BASHDIR := /usr/local/share/bash-completion/completions
ZSHDIR := /usr/local/share/zsh/site-functions
SYSTEMCTL := systemctl
UNITS := ipvl.socket ipvl.service

.PHONY: install
install: ## install ipvl and its systemd units on this host (as root)
	$(PYTHON) -m venv $(PREFIX)
	$(PREFIX)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(PREFIX)/bin/pip install --quiet --disable-pip-version-check --no-deps .
	sed -i '1s/$$/ -IS/' $(PREFIX)/bin/ipvl
	install -d $(BINDIR) $(UNITDIR) $(BASHDIR) $(ZSHDIR)
	ln -sf $(PREFIX)/bin/ipvl $(BINDIR)/ipvl
	$(PREFIX)/bin/python -m manual pages $(MANDIR) "$(MAN_DATE)"
	$(PREFIX)/bin/ipvl completion bash > $(BASHDIR)/ipvl
	$(PREFIX)/bin/ipvl completion zsh > $(ZSHDIR)/_ipvl
	install -m 644 $(addprefix packaging/systemd/,$(UNITS)) $(UNITDIR)/
	$(SYSTEMCTL) daemon-reload
	$(SYSTEMCTL) enable --now $(UNITS)

.PHONY: deb
deb: man ## build a Debian package that serves bookworm, trixie and sid: build/ipvl_*.deb
	$(call debian,command -v dh_installsystemd && command -v dpkg-buildpackage,debhelper dpkg-dev)
	packaging/deb.sh $(BIN)/python

.PHONY: uninstall
uninstall: ## take ipvl off this host; /var/lib/ipvl stays
	$(SYSTEMCTL) disable --now $(UNITS)
	rm -f $(addprefix $(UNITDIR)/,$(UNITS)) $(BINDIR)/ipvl $(MANDIR)/ipvl.1 $(MANDIR)/ipvl-*.1 $(BASHDIR)/ipvl $(ZSHDIR)/_ipvl
	$(SYSTEMCTL) daemon-reload
	rm -rf $(PREFIX)

.PHONY: clean
clean: ## remove the environment and what was built; `make lab-remove` removes the lab's images
	rm -rf $(VENV) build dist

.PHONY: lab-remove
lab-remove: $(VENV)/installed ## remove the lab's images
	$(BIN)/python -m lab remove
