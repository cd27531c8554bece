# make book      environment, chapters, HTML
# make test      environment, tests, chapters compared with their stored outputs
# make check     what to run after each edit: style, structure, quick tests
# make bench     environment, benchmarks against named peers, kept in book/speed
# make chapters  executes the chapters and stores their outputs, after a change to what they show
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
HTML   := _build/html/index.html
TIMES  := $(VENV)/.times
CHAPTERS ?= $(wildcard book/*.ipynb)

# One more than there are cores, because tests wait for browsers and other processes; more than five
# need more memory than they save time.
CORES   := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
WORKERS ?= $(shell if [ $(CORES) -gt 4 ]; then echo 5; else echo $$(($(CORES) + 1)); fi)

# $(call timed,NAME,COMMAND): runs it, and keeps how long it took for the end of `make`.
timed = start=$$(date +%s); $(2) && echo "  $(1): $$(($$(date +%s) - start)) s" >> $(TIMES)

.DEFAULT_GOAL := help
.PHONY: help install body book chapters test check bench clean times
.DELETE_ON_ERROR:

help:
	@echo "make book    make the environment, execute the chapters, build the HTML book"
	@echo "make test    make the environment, run the tests and the chapters"
	@echo "make check   style, structure and quick tests, after each edit"
	@echo "make bench   measure the speed against named peers (BENCH='mining step' for some)"
	@echo "make chapters  execute the chapters and store their outputs (CHAPTERS=book/*.ipynb)"
	@echo "make install make the environment in $(VENV) (PYTHON=$(PYTHON))"
	@echo "make clean   remove what was built; the environment and the cache stay"

# Runs again only when what is to be installed has changed.
$(STAMP): pyproject.toml requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@rm -f $(TIMES)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@$(call timed,environment,$(BIN)/python -m pip install --quiet --requirement requirements.txt)
	@touch $@

install: $(STAMP)

# The tests render people: the body model is read here, once, so that no test waits for it.
body: $(STAMP)
	@$(call timed,body model,$(BIN)/python -c "from data_scripts.studio.body import anny_model; anny_model()")

book: $(STAMP)
	@$(call timed,chapters and pages,$(BIN)/jupyter-book build . --all -n -W --keep-going)
	@echo
	@echo "The book: file://$(CURDIR)/$(HTML)"
	@$(MAKE) --no-print-directory times

chapters: $(STAMP)
	$(BIN)/python book/_ext/execute.py $(CHAPTERS)

test: body
	@$(call timed,tests and chapters,$(BIN)/python -m pytest --nbval book/ tests/ \
		--nbval-cell-timeout 600 -n $(WORKERS) --dist loadfile --no-loadscope-reorder)
	@$(MAKE) --no-print-directory times

# No notebook, no browser, nothing trained or rendered.
check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest -q -m "not slow" -n $(CORES) --dist loadfile \
		tests/test_structure.py tests/test_notebooks.py tests/test_book_config.py tests/mcss

bench: body
	$(BIN)/python -m tests.benchmarks $(BENCH)

times:
	@echo "How long it took (what was there already took no time):"
	@cat $(TIMES)
	@rm -f $(TIMES)

clean:
	rm -rf _build .pytest_cache .hypothesis .ruff_cache
	find . -name __pycache__ -not -path "./$(VENV)/*" -prune -exec rm -rf {} +
