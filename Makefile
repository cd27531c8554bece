# make book   environment, sample data, chapters, HTML
# make test   environment, tests, chapters compared with their stored outputs
# make bench  environment, benchmarks against named peers, kept in book/speed
# make chapters  executes the chapters and stores their outputs, after a change to what they show
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
HTML   := _build/html/index.html
CHAPTERS ?= $(wildcard book/*.ipynb)

# One more than there are cores, because tests wait for browsers and other processes; more than five need more memory than they save time.
CORES   := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
WORKERS ?= $(shell if [ $(CORES) -gt 4 ]; then echo 5; else echo $$(($(CORES) + 1)); fi)

.DEFAULT_GOAL := help
.PHONY: help install sample book chapters test bench clean
.DELETE_ON_ERROR:

help:
	@echo "make book    make the environment, execute the chapters, build the HTML book"
	@echo "make test    make the environment, run the tests and the chapters"
	@echo "make bench   measure the speed against named peers (BENCH='mining step' for some)"
	@echo "make chapters  execute the chapters and store their outputs (CHAPTERS=book/*.ipynb)"
	@echo "make install make the environment in $(VENV) (PYTHON=$(PYTHON))"
	@echo "make sample  render the sample data into the cache (MCSS_CACHE)"
	@echo "make clean   remove what was built; the environment and the cache stay"

# Runs again only when what is to be installed has changed.
$(STAMP): pyproject.toml requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	@touch $@

install: $(STAMP)

sample: $(STAMP)
	@$(BIN)/python -c "from data_scripts.studio import preset_store; print('Sample data:', preset_store('sample'))"

book: sample
	$(BIN)/jupyter-book build . --all -n -W --keep-going
	@echo
	@echo "The book: file://$(CURDIR)/$(HTML)"

chapters: sample
	$(BIN)/python book/_ext/execute.py $(CHAPTERS)

test: sample
	$(BIN)/python -m pytest --nbval book/ tests/ --nbval-cell-timeout 600 \
		-n $(WORKERS) --dist loadfile --no-loadscope-reorder

bench: sample
	$(BIN)/python -m tests.benchmarks $(BENCH)

clean:
	rm -rf _build .pytest_cache .hypothesis
	find . -name __pycache__ -not -path "./$(VENV)/*" -prune -exec rm -rf {} +
