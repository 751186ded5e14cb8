# `make` builds the library, `make demo` trains with it, `make test` runs everything that must hold. `make help` lists the rest.

PREFIX ?= /usr/local
DESTDIR ?=
CARGO_TARGET_DIR ?= target
export CARGO_TARGET_DIR
export PATH := $(PATH):$(HOME)/.cargo/bin

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
MAJOR := $(firstword $(subst ., ,$(VERSION)))
RELEASE := $(CARGO_TARGET_DIR)/release
EXAMPLES := $(CARGO_TARGET_DIR)/c_examples
DEMO := $(CARGO_TARGET_DIR)/demo

.PHONY: all help lib header docs setup demo test format lint units memory-check header-check docs-check examples-check library-check install-check bench install clean
.NOTPARALLEL:

all: lib

help:
	@echo 'make                       the library, in $(RELEASE)'
	@echo 'make demo                  builds everything and trains on handwritten digits'
	@echo 'make test                  all checks; installs tools that are missing'
	@echo 'make bench                 side by side with other libraries and with the floor (installs them, about 6 GB)'
	@echo 'make header                writes include/tenon.h again, after a change of src/capi'
	@echo 'make docs                  writes docs/ops.md again, after a change of the catalog in src/ops'
	@echo 'make install [PREFIX=...] [DESTDIR=...]'
	@echo 'make clean'

# The two libraries that hosts link, without the one for Rust, whose generic functions would have to stay in all three. Programs that are
# linked here ask for the SONAME at run time: the link lets them find the library where it was built.
lib:
	cargo rustc --release --lib --crate-type cdylib,staticlib
	@ln -sf libtenon.so $(RELEASE)/libtenon.so.$(MAJOR)

header:
	cargo run --quiet --package header

docs:
	cargo run --quiet --package docs

setup:
	@scripts/setup.sh test

demo:
	@scripts/setup.sh
	@$(MAKE) --no-print-directory lib
	@$(MAKE) --no-print-directory -C c_examples TENON_LIB=$(abspath $(RELEASE)) BUILD=$(abspath $(EXAMPLES))
	@mkdir -p $(DEMO)
	@$(EXAMPLES)/train_digits --out $(DEMO)

test: setup format lint units memory-check header-check docs-check library-check examples-check install-check

format:
	cargo fmt --all --check

lint:
	cargo clippy --workspace --all-targets -- -D warnings

units:
	cargo test --workspace

# The sweep over every function and the C programs again, under valgrind: nothing leaks, nothing is read before it is written.
memory-check:
	TENON_VALGRIND=1 cargo test --test sweep --test c_programs

header-check:
	cargo run --quiet --package header -- --check
	scripts/check_header.sh

docs-check:
	cargo run --quiet --package docs -- --check

library-check: lib
	scripts/check_library.sh $(RELEASE)/libtenon.so

examples-check: lib
	scripts/check_examples.sh $(abspath $(RELEASE))

install-check: lib
	scripts/check_install.sh

bench:
	@scripts/setup.sh bench
	@benches/peers/setup.sh
	@python3 benches/run.py
	@cargo bench --quiet --bench kernels -- convolutions attention

install: lib
	install -d $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install -m 644 include/tenon.h $(DESTDIR)$(PREFIX)/include/
	install -m 644 $(RELEASE)/libtenon.a $(DESTDIR)$(PREFIX)/lib/
	strip --strip-debug $(DESTDIR)$(PREFIX)/lib/libtenon.a
	install -m 755 $(RELEASE)/libtenon.so $(DESTDIR)$(PREFIX)/lib/libtenon.so.$(VERSION)
	strip --strip-unneeded $(DESTDIR)$(PREFIX)/lib/libtenon.so.$(VERSION)
	ln -sf libtenon.so.$(VERSION) $(DESTDIR)$(PREFIX)/lib/libtenon.so.$(MAJOR)
	ln -sf libtenon.so.$(MAJOR) $(DESTDIR)$(PREFIX)/lib/libtenon.so
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' tenon.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/tenon.pc

clean:
	cargo clean
