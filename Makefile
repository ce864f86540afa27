# For people; the build itself is CMake's: cmake --preset release && cmake --build --preset release.
#
#   make tour [DIR=...]    the guided tour over the files below DIR (this tree)
#   make test              release build and all tests of it
#   make bench [ITEM=...]  measure against the peers
#   make check             what is run before a change lands (.ci/run)
#   make check-long        models in full, all kill points, seeds, aarch64
#   make install [PREFIX=/usr/local] [DESTDIR=]
#
# Each installs by itself what it needs and is missing, and says so; where it may not, it names the packages.

DIR ?= .
ITEM ?=
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
B = build/release
CONFIGURE = cmake --preset release >/dev/null -DPLAIT_TESTS=
BUILD = cmake --build $(B) -j $(JOBS)

all: build

tour:
	@.ci/packages build
	@$(CONFIGURE)OFF
	@$(BUILD) --target plait_tool -- --quiet
	@$(B)/plait tour '$(DIR)'

build:
	@.ci/packages build
	@$(CONFIGURE)OFF
	@$(BUILD) --target installed -- --quiet

test:
	@.ci/packages test
	@$(CONFIGURE)ON
	@$(BUILD) -- --quiet
	@ctest --test-dir $(B) -j $(JOBS) --output-on-failure -LE long

bench:
	@.ci/packages build
	@bench/run $(ITEM)

check:
	@.ci/run

check-long:
	@.ci/long

install: build
	@DESTDIR='$(DESTDIR)' cmake --install $(B) --prefix '$(PREFIX)'

clean:
	rm -rf build

.PHONY: all tour build test bench check check-long install clean
