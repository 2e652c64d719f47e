# demo    the whole thing on this machine
# test    everything that must pass; what the build server runs
# check   the fast part: format, linters, unit tests
# shots   every page and state as a picture, into .shots
# matrix  each promise of the product and the tests that keep it
# interop other people's clients, from npm (Node 20 or newer)
# timing  statistics on how long known and unknown people wait
# bench   how fast it is: the figures of the README (10 minutes on a quiet machine)
# tools   the linter, built from source into .tools

LINT = .tools/golangci-lint-2.15.0

# SQLite is C turned into Go that keeps its data outside Go's heap, where the race
# detector sees nothing. Instrumented it is ten times slower and runs into its own
# timeouts. Nor is there anything to see in what works on values that nobody else
# has: ciphers, expressions, parsers, the steps of a template. Everything else is
# instrumented: our own, and whatever keeps state that two may share. A package that
# uses atomics or sync.Map must stay so, or the detector misses what they order.
# Unsafe pointers are not checked, we have none. Tests need no debugger's tables.
ALONE = modernc.org/sqlite/lib modernc.org/libc/... \
	crypto/internal/fips140/... crypto/sha256 crypto/hmac crypto/cipher crypto/aes math/big \
	golang.org/x/crypto/argon2 golang.org/x/crypto/blake2b \
	regexp/... text/template/... html/template html golang.org/x/net/html/... golang.org/x/text/... \
	fmt strconv internal/strconv unicode/... net/url encoding/base64 encoding/hex encoding/asn1 mime/quotedprintable \
	go/scanner go/parser go/ast
RACE = -race -gcflags=all=-d=checkptr=0 $(ALONE:%=-gcflags=%=-race=false) -ldflags=-w

.PHONY: demo test check lint tested matrix interop timing bench shots tools
.DEFAULT_GOAL = check

demo:
	go run ./cmd/demo

# One build serves linter, tests and interop, hence GOFLAGS.
test: export GOFLAGS := $(GOFLAGS) $(RACE)
test:
	@.ci/install
	@$(MAKE) --no-print-directory lint
	@.ci/postgres $(MAKE) --no-print-directory tested

# The race detector makes collecting garbage dear, so it is done seldom, and has
# every program sleep a second before it ends; what vet finds the linter has found
# already. cmd/bench goes first: it counts what PostgreSQL does, which is idle then.
# The longest follow, so that no core waits for one of them in the end.
tested:
	GORACE=atexit_sleep_ms=0 GOGC=400 GOMEMLIMIT=2GiB go test -count=1 -vet=off -parallel 4 -timeout 20m ./cmd/bench ./cmd/clave ./cmd/demo ./login/recovery ./storage ./...
	.ci/fuzz
	@if .ci/node; then $(MAKE) --no-print-directory interop; fi

check: lint
	.ci/postgres go test -count=1 ./provider/... ./login/... ./storage/... ./templates/...
	go test -count=1 -run '^Test(Imports|Nothing|TopLevel|NoFile|Matrix)' ./cmd/clave

lint: $(LINT)
	$(LINT) run ./...

matrix:
	@go test -count=1 -v -run '^TestMatrix$$' ./cmd/clave

interop:
	@.ci/node
	.ci/postgres go test -count=1 -vet=off -v -tags interop -run '^TestInterop' ./cmd/demo

timing:
	CLAVE_TIMING=1 .ci/postgres go test -count=1 -v -timeout 60m -run '^TestTiming' ./cmd/...

bench:
	@.ci/install
	@.ci/postgres -durable go run ./cmd/bench

shots:
	@.ci/install
	rm -rf .shots
	CLAVE_SHOTS=$(CURDIR)/.shots .ci/postgres go test -count=1 -v -timeout 30m -run '^TestShots' ./cmd/...

tools: $(LINT)

$(LINT):
	GOFLAGS= GOBIN=$(CURDIR)/.tools go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
	mv .tools/golangci-lint $@
