package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// output is what a program prints, read while it runs.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// clave runs the program in this process and returns status, stdout and stderr.
func clave(t *testing.T, args ...string) (int, string, string) {
	t.Helper()
	var stdout, stderr output
	status := run(t.Context(), program{args: args, stdout: &stdout, stderr: &stderr, now: time.Now})
	return status, stdout.String(), stderr.String()
}

// must is clave for what has to succeed; it returns stdout.
func must(t *testing.T, args ...string) string {
	t.Helper()
	status, stdout, stderr := clave(t, args...)
	if status != exitDone {
		t.Fatalf("clave %s: got status %d: %s", strings.Join(args, " "), status, stderr)
	}
	return stdout
}

// installed is a folder with a configuration of its own, on url, migrated.
func installed(t *testing.T, url string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, "config", "init", "-database", url, dir)
	file := filepath.Join(dir, "clave.yaml")
	must(t, "migrate", "up", "-config", file)
	return file
}

func exitStatuses(t *testing.T, binary string) {
	dir := t.TempDir()
	file := installed(t, "sqlite:clave.db")
	broken := filepath.Join(dir, "broken.yaml")
	writeFile(t, broken, "issuer: nowhere\n")
	for _, tt := range []struct {
		name string
		args []string
		want int
		say  string // on stderr, or on stdout where the status is 0
	}{
		{"version", []string{"version"}, exitDone, "clave "},
		{"help", []string{"-h"}, exitDone, "Usage"},
		{"help of a command", []string{"client", "apply", "-h"}, exitDone, "RFC 7591"},
		{"help lists members", []string{"client", "apply", "-h"}, exitDone, "iess_renewal_window"},
		{"help lists columns", []string{"import", "afiliados", "-h"}, exitDone, "fecha_nacimiento"},
		{"example", []string{"config", "example"}, exitDone, "issuer: "},
		{"check", []string{"config", "check", "-config", file}, exitDone, "in order"},
		{"check with two dashes", []string{"config", "check", "--config", file}, exitDone, "in order"},
		{"check with equals", []string{"config", "check", "-config=" + file}, exitDone, "in order"},
		{"status", []string{"migrate", "status", "-config", file}, exitDone, "0001_"},
		{"list", []string{"client", "list", "-config", file}, exitDone, "ID"},
		{"due dates", []string{"renewal", "recompute", "-config", file}, exitDone, "0 claves: would move 0"},
		{"due dates moved for no reason", []string{"renewal", "recompute", "-apply", "-config", file}, exitUsage, "-reason TEXT"},
		{"no file", []string{"serve", "-config", filepath.Join(dir, "none.yaml")}, exitFailed, "config init"},
		{"mistakes", []string{"serve", "-config", broken}, exitFailed, "broken.yaml:1: issuer: "},
		{"unknown application", []string{"client", "disable", "nobody", "-config", file}, exitFailed, "clave client list"},
		{"no command", []string{}, exitUsage, "a command is missing"},
		{"no command of a group", []string{"migrate"}, exitUsage, "a command is missing"},
		{"unknown command", []string{"sreve"}, exitUsage, `no command "sreve"`},
		{"unknown command of a group", []string{"keys", "lost"}, exitUsage, `no command "lost"`},
		{"unknown flag", []string{"serve", "-prot", "80"}, exitUsage, "prot"},
		{"too many arguments", []string{"serve", "now"}, exitUsage, "clave -h"},
		{"too few arguments", []string{"client", "apply"}, exitUsage, "clave -h"},
		{"flag without value", []string{"serve", "-config"}, exitUsage, "config"},
		{"required flag", []string{"keys", "revoke", "x", "-config", file}, exitUsage, "reason"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), binary, tt.args...)
			cmd.Dir = dir
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			err := cmd.Run()
			if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
				t.Fatal(exit, err)
			}
			if got := cmd.ProcessState.ExitCode(); got != tt.want {
				t.Errorf("got status %d, want %d: %s", got, tt.want, &stderr)
			}
			said := stderr.String()
			if tt.want == exitDone {
				said = stdout.String()
			}
			if !strings.Contains(said, tt.say) {
				t.Errorf("got %q, want %q in it", said, tt.say)
			}
			if tt.want == exitUsage && strings.Count(said, "\n") != 1 {
				t.Errorf("got %q, want one line", said)
			}
		})
	}
}

// TestServe starts the program as an operator does and stops it.
func TestServe(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			file := installed(t, storagetest.URL(t, engine))
			p := serve(t, file)
			res, err := http.Get(p.issuer + "/ingresar")
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err != nil || res.StatusCode != 200 || !strings.Contains(string(body), `name="cedula"`) {
				t.Errorf("login page: got %d %v, want 200 and the form", res.StatusCode, err)
			}
			var doc struct{ Issuer string }
			res, err = http.Get(p.issuer + "/.well-known/openid-configuration")
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if err := json.NewDecoder(res.Body).Decode(&doc); err != nil || doc.Issuer != p.issuer {
				t.Errorf("discovery: got issuer %q, %v, want %q", doc.Issuer, err, p.issuer)
			}
			res, err = http.Get(p.internal + "/readyz")
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != 200 {
				t.Errorf("readyz: got %d, want 200", res.StatusCode)
			}
			if status := p.stop(); status != exitDone {
				t.Errorf("stop: got status %d, want 0: %s", status, p.log)
			}
			for line := range strings.Lines(p.log.String()) {
				var entry map[string]any
				if err := json.Unmarshal([]byte(line), &entry); err != nil || entry["time"] == nil || entry["level"] == nil || entry["msg"] == nil {
					t.Errorf("log line %q is not an object with time, level and msg", line)
				}
			}
		})
	}
}

type served struct {
	issuer, internal string
	log              *output
	stop             func() int
}

// serve runs clave serve with file on free ports, and the issuer to match.
func serve(t *testing.T, file string, environ ...string) *served {
	t.Helper()
	return serveAs(t, "http", file, environ...)
}

func serveAs(t *testing.T, scheme, file string, environ ...string) *served {
	t.Helper()
	public, internal := listener(t), listener(t)
	_, port, err := net.SplitHostPort(public.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s := &served{issuer: scheme + "://localhost:" + port, internal: "http://" + internal.Addr().String(), log: &output{}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int, 1)
	waiting := map[string]net.Listener{"127.0.0.1:1": public, "127.0.0.1:2": internal}
	go func() {
		done <- run(ctx, program{
			args:    []string{"serve", "-config", file},
			environ: append([]string{"CLAVE_ISSUER=" + s.issuer, "CLAVE_LISTEN=127.0.0.1:1", "CLAVE_INTERNAL_LISTEN=127.0.0.1:2"}, environ...),
			stdout:  io.Discard, stderr: s.log, now: time.Now,
			listen: func(_ context.Context, address string) (net.Listener, error) { return waiting[address], nil },
		})
	}()
	s.stop = sync.OnceValue(func() int {
		cancel()
		return <-done
	})
	t.Cleanup(func() { s.stop() })
	return s
}

func listener(t *testing.T) net.Listener {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

func TestServeRefusesAnOlderSchema(t *testing.T) {
	dir := t.TempDir()
	must(t, "config", "init", dir)
	file := filepath.Join(dir, "clave.yaml")
	status, _, stderr := clave(t, "serve", "-config", file)
	if status != exitFailed || !strings.Contains(stderr, "clave migrate up") {
		t.Errorf("got %d %q, want 1 and the command to run", status, stderr)
	}
	if info, err := os.Stat(filepath.Join(dir, "clave.db")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the database: got %v, %v, want mode 0600", info, err)
	}
	status, _, stderr = clave(t, "config", "check", "-config", file)
	if status != exitFailed || !strings.Contains(stderr, "clave migrate up") {
		t.Errorf("check: got %d %q, want 1 and the command to run", status, stderr)
	}
}

func TestCheckNamesADatabaseThatDoesNotAnswer(t *testing.T) {
	dir := t.TempDir()
	must(t, "config", "init", "-database", "postgres://clave:s3cret@127.0.0.1:1/clave?sslmode=disable", dir)
	status, _, stderr := clave(t, "config", "check", "-config", filepath.Join(dir, "clave.yaml"))
	if status != exitFailed || !strings.Contains(stderr, "does not answer") || strings.Contains(stderr, "s3cret") {
		t.Errorf("got %d %q, want 1, the cause and no password", status, stderr)
	}
}

func TestConfigInitKeepsWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	must(t, "config", "init", dir)
	before, err := os.ReadFile(filepath.Join(dir, "keys", "index"))
	if err != nil {
		t.Fatal(err)
	}
	if status, _, stderr := clave(t, "config", "init", dir); status != exitFailed || !strings.Contains(stderr, "exists already") {
		t.Errorf("again: got %d %q, want a refusal", status, stderr)
	}
	after, err := os.ReadFile(filepath.Join(dir, "keys", "index"))
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the key was overwritten (%v)", err)
	}
	for _, name := range []string{"clave.yaml", "keys/index", "keys/pairwise", "keys/audit"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got %v, %v, want mode 0600", name, info.Mode(), err)
		}
	}
}

func TestOperatorsDay(t *testing.T) {
	for _, engine := range storagetest.Engines() {
		t.Run(engine, func(t *testing.T) {
			file := installed(t, storagetest.URL(t, engine))
			dir := filepath.Dir(file)
			apps, secret := filepath.Join(dir, "apps.json"), storage.NewSecret()
			writeFile(t, apps, `[{"client_id": "historia", "client_name": "Historia Laboral", "client_secret": "`+secret+`",
				"redirect_uris": ["https://historia.example/regreso"], "scope": "openid profile", "iess_first_party": true,
				"id_token_signed_response_alg": "EdDSA", "iess_renewal_window": 1800}]`)
			if got := must(t, "client", "apply", apps, "-config", file); got != "applied historia\n" {
				t.Errorf("apply: got %q", got)
			}
			if got := must(t, "client", "list", "-config", file); !strings.Contains(got, "Historia Laboral") || !strings.Contains(got, "enabled") || !strings.Contains(got, "30m") || strings.Contains(got, secret) {
				t.Errorf("list: got %q", got)
			}
			writeFile(t, apps, `[{"client_id": "x", "client_name": "X", "colour": "red"}, {"client_id": "y"}]`)
			status, _, stderr := clave(t, "client", "apply", apps, "-config", file)
			if status != exitFailed || !strings.Contains(stderr, "index 0") || !strings.Contains(stderr, "colour") || !strings.Contains(stderr, "index 1") {
				t.Errorf("apply of two mistakes: got %d %q", status, stderr)
			}

			if got := must(t, "keys", "list", "-config", file); strings.Count(got, "EdDSA") != 2 {
				t.Errorf("keys: got %q, want an active and a next key for EdDSA", got)
			}
			status, _, stderr = clave(t, "keys", "rotate", "-config", file)
			if status != exitFailed || !strings.Contains(stderr, "key_cache") {
				t.Errorf("rotate at once: got %d %q, want a refusal", status, stderr)
			}
			_, kid, _ := strings.Cut(must(t, "keys", "list", "-config", file), "\n")
			kid, _, _ = strings.Cut(kid, " ")
			if got := must(t, "keys", "revoke", kid, "-reason", "test", "-config", file); got != "revoked "+kid+"\n" {
				t.Errorf("revoke: got %q", got)
			}

			people := filepath.Join(dir, "people.csv")
			writeFile(t, people, "cedula,nombres,apellidos,fecha_nacimiento,tipo_asegurado,estado,huella\n"+
				"1759999913,María Fernanda,Quishpe Andrade,1985-03-14,afiliado,activa,si\n"+
				"1759999914,Nadie,Nunca,1985-03-14,afiliado,activa,si\n")
			status, stdout, stderr := clave(t, "import", "afiliados", people, "-config", file)
			if status != exitFailed || !strings.Contains(stdout, "line 3, cedula: ") || !strings.Contains(stdout, "1 added") || !strings.Contains(stderr, "1 lines were refused") {
				t.Errorf("import: got %d %q %q", status, stdout, stderr)
			}
			if status, _, stderr := clave(t, "import", "afiliados", apps, "-config", file); status != exitFailed || !strings.Contains(stderr, "-h lists the columns") {
				t.Errorf("import of something else: got %d %q", status, stderr)
			}

			// A new sealing key takes over, and the former one may go.
			must(t, "config", "key", filepath.Join(dir, "keys", "new"))
			id := time.Now().UTC().Format("2006-01")
			changes := strings.NewReplacer("current: "+id, "current: new", "{"+id+": keys/seal-"+id+"}", "{"+id+": keys/seal-"+id+", new: keys/new}")
			rewrite(t, file, changes)
			if got := must(t, "keys", "reseal", "-config", file); strings.HasPrefix(got, "sealed 0 ") || !strings.HasSuffix(got, "with new\n") {
				t.Errorf("reseal: got %q", got)
			}
			rewrite(t, file, strings.NewReplacer(id+": keys/seal-"+id+", ", ""))
			if got := must(t, "keys", "list", "-config", file); !strings.Contains(got, "EdDSA") {
				t.Errorf("keys without the former sealing key: got %q", got)
			}

			if got := must(t, "client", "disable", "historia", "-reason", "test", "-config", file); got != "disabled historia\n" {
				t.Errorf("disable: got %q", got)
			}
			if got := must(t, "audit", "verify", "-config", file); !strings.Contains(got, "waiting to be sealed") {
				t.Errorf("verify: got %q", got)
			}
			// Serving seals and signs what happened.
			p := serve(t, file)
			for !strings.Contains(must(t, "audit", "verify", "-config", file), " 0 waiting") {
			}
			if status := p.stop(); status != exitDone {
				t.Fatalf("serve: got %d: %s", status, p.log)
			}
			if got := must(t, "audit", "export", "-config", file); !strings.Contains(got, `"client.disabled"`) || strings.Contains(got, secret) {
				t.Errorf("export: got %q", got)
			}
		})
	}
}

func rewrite(t *testing.T, file string, changes *strings.Replacer) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, file, changes.Replace(string(text)))
}

func TestLongFlags(t *testing.T) {
	got := fmt.Sprint(longFlags([]string{"serve", "-config", "a", "--config", "-h", "-config=b", "--", "-config"}))
	if want := "[serve --config a --config -h --config=b -- -config]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
