package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "iess.gob.ec/clave"

// forTests are packages that the tests of every package may import.
var forTests = []string{"storage/storagetest", "login/logintest", "login/passkeytest"}

// mayImport says which packages of ours each package may import: strictly down.
// cmd may import everything; the tests of a package may add those of forTests.
var mayImport = map[string][]string{
	"provider":        {"storage", "templates"},
	"login":           {"login/challenge", "login/passkey", "login/totp", "storage", "templates"},
	"login/clave":     {"login", "login/challenge", "storage", "templates"},
	"login/logintest": {"login", "login/clave", "login/passkey", "login/passkeytest", "login/totp", "storage", "storage/storagetest", "templates"},
	"login/contact":   {"login", "login/challenge", "storage", "templates"},
	"login/personal":  {"login", "storage", "templates"},
	"login/recovery":  {"login", "login/challenge", "login/contact", "login/personal", "login/quiz", "storage", "templates"},
	"login/cuenta": {
		"login", "login/challenge", "login/contact", "login/passkey", "login/pdf", "login/personal", "login/totp",
		"storage", "templates",
	},
	"login/console":       {"login", "storage", "templates"},
	"login/passkey":       {"storage"},
	"login/passkeytest":   {},
	"login/challenge":     {"storage", "templates"},
	"login/mail":          {"storage", "templates"},
	"login/quiz":          {"storage"},
	"login/totp":          {},
	"login/pdf":           {"templates"},
	"storage":             {},
	"storage/storagetest": {"storage"},
	"templates":           {},
}

// mayUse says which packages, tests included, may import a library or anything
// below it. The tests of cmd may import all of them.
var mayUse = map[string][]string{
	"github.com/zitadel/oidc":      {"provider", "cmd/demo", "cmd/demo/rp"},
	"github.com/go-webauthn":       {"login/passkey"},
	"github.com/fxamacker/cbor":    {"login/passkeytest"},                           // what authenticators speak
	"database/sql":                 {"storage", "storage/storagetest", "cmd/bench"}, // there: what PostgreSQL counts
	"github.com/jmoiron/sqlx":      {"storage", "storage/storagetest"},
	"github.com/lib/pq":            {"storage", "storage/storagetest", "cmd/bench"},
	"modernc.org/sqlite":           {"storage", "storage/storagetest"},
	"github.com/pressly/goose":     {"storage", "storage/storagetest"},
	"github.com/pquerna/otp":       {"login/totp"},
	"github.com/boombuler/barcode": {"login/totp"},
	"codeberg.org/go-pdf/fpdf":     {"login/pdf"},
	"golang.org/x/image":           {"login/pdf"},
	"github.com/wneessen/go-mail":  {"login/mail"},
	"github.com/emersion/go-smtp":  {"login/mail", "cmd/demo/mailbox"},
	"github.com/altcha-org":        {"login/challenge"},
	"github.com/coreos/go-oidc":    {"cmd/bench"},
	"golang.org/x/oauth2":          {"cmd/demo/rp"},
	"github.com/chromedp/chromedp": {},
}

// notInClave must not be in the production binary, however it would get there.
var notInClave = []string{module + "/cmd/demo", module + "/cmd/bench", module + "/storage/storagetest", module + "/login/logintest", module + "/login/passkeytest", "testing", "github.com/chromedp", "github.com/coreos/go-oidc"}

type goPackage struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

func (p goPackage) name() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

func TestImportsPointDown(t *testing.T) {
	for _, p := range goList(t, "./...") {
		for _, imported := range p.Imports {
			checkImport(t, p.name(), imported, false)
		}
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			checkImport(t, p.name(), imported, true)
		}
	}
}

func checkImport(t *testing.T, from, imported string, test bool) {
	t.Helper()
	cmd := from == "cmd" || strings.HasPrefix(from, "cmd/")
	if to, ours := strings.CutPrefix(imported, module+"/"); ours && !cmd {
		allowed, known := mayImport[from]
		if !known {
			t.Errorf("package %s has no row in mayImport", from)
		}
		itself := to == from // the tests of package x_test
		if !slices.Contains(allowed, to) && (!test || !slices.Contains(forTests, to) && !itself) {
			t.Errorf("%s imports %s", from, to)
		}
	}
	for library, users := range mayUse {
		if below(imported, library) && !slices.Contains(users, from) && (!cmd || !test) {
			t.Errorf("%s imports %s, which is for %q and the tests of cmd", from, imported, users)
		}
	}
}

func TestNothingOfTheDemoIsInClave(t *testing.T) {
	for _, p := range goList(t, "-deps", "./cmd/clave") {
		for _, foreign := range notInClave {
			if below(p.ImportPath, foreign) {
				t.Errorf("cmd/clave contains %s", p.ImportPath)
			}
		}
	}
}

func TestTopLevelFolders(t *testing.T) {
	entries, err := os.ReadDir(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			got = append(got, e.Name())
		}
	}
	if want := []string{"cmd", "login", "provider", "storage", "templates"}; !slices.Equal(got, want) {
		t.Errorf("got folders %q, want %q", got, want)
	}
}

func TestNoFileOver400Lines(t *testing.T) {
	sources := []string{".go", ".sql", ".html", ".txt", ".css", ".js", ""}
	walkRepository(t, func(path string) {
		base := filepath.Base(path)
		if !slices.Contains(sources, filepath.Ext(path)) || slices.Contains([]string{"LICENSE", "NOTICE"}, base) {
			return
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Count(text, []byte("\n")); got > 400 {
			t.Errorf("%s has %d lines, want at most 400: split it by noun or screen", path, got)
		}
	})
}

// walkRepository calls f for each file that is ours: not in testdata, which holds
// vendored programs and golden files, nor in a dot folder but .ci.
func walkRepository(t *testing.T, f func(path string)) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch hidden := strings.HasPrefix(d.Name(), ".") && d.Name() != ".ci" && path != root; {
		case err != nil:
			return err
		case d.IsDir() && (hidden || d.Name() == "testdata" || d.Name() == "vendor" || d.Name() == "node_modules"):
			return filepath.SkipDir
		case d.Type().IsRegular() && !hidden:
			f(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// below reports whether path is that package or module, or inside it.
func below(path, parent string) bool {
	return path == parent || strings.HasPrefix(path, parent+"/")
}

func goList(t *testing.T, args ...string) []goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Imports,TestImports,XTestImports"}, args...)...)
	cmd.Dir = filepath.Join("..", "..")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var list []goPackage
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return list
		case err != nil:
			t.Fatal(err)
		}
		list = append(list, p)
	}
}
