package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

// D04: each way back from a lock is a switch, and so is the end of a lock; what
// would leave nobody a way is refused.
func TestD04_ConfigurationOfTheWays(t *testing.T) {
	dir := configDir(t)
	for name, tt := range map[string]struct {
		more    string
		without []templates.Way
		expires time.Duration
		refused []string // where, key, what, remedy
	}{
		"default":  {"", nil, 0, nil},
		"all":      {"unlock:\n  ways: [agency, cau, ventanilla, video, mail]\n", nil, 0, nil},
		"one":      {"unlock:\n  ways: [cau]\n", []templates.Way{"mail", "video", "ventanilla", "agency"}, 0, nil},
		"a list":   {"unlock:\n  ways:\n    - mail\n    - cau\n", []templates.Way{"video", "ventanilla", "agency"}, 0, nil},
		"expires":  {"login:\n  lock_expires: 24h\n", nil, 24 * time.Hour, nil},
		"off":      {"login:\n  lock_expires: 0\n", nil, 0, nil},
		"none":     {"unlock:\n  ways: []\nlogin:\n  lock_expires: 15m\n", templates.Ways(), 15 * time.Minute, nil},
		"no way":   {"unlock:\n  ways: []\n", nil, 0, []string{"clave.yaml:15", "unlock.ways", "no way back", "lock_expires: 24h"}},
		"unknown":  {"unlock:\n  ways: [mail, fax]\n", nil, 0, []string{"clave.yaml:15", "unlock.ways", `"fax" is no way`, "mail, video, ventanilla, cau, agency"}},
		"no list":  {"unlock:\n  ways: mail\n", nil, 0, []string{"clave.yaml:15", "unlock.ways", "wrong form", "ways: [mail, video"}},
		"twice":    {"unlock:\n  ways: [cau, cau]\n", nil, 0, []string{"clave.yaml:15", "unlock.ways", "written twice", "once"}},
		"no value": {"unlock:\n  ways:\n", nil, 0, []string{"clave.yaml:15", "unlock.ways", "no value", "default"}},
		"short":    {"login:\n  lock_expires: 14m\n", nil, 0, []string{"clave.yaml:15", "login.lock_expires", "out of range", "from 15m to 365d, or 0"}},
		"no time":  {"unlock:\n  ways: []\nlogin:\n  lock_expires: soon\n", nil, 0, []string{"clave.yaml:17", "login.lock_expires", "not a duration", "15m"}},
	} {
		t.Run(name, func(t *testing.T) {
			c, problems := parseConfig(filepath.Join(dir, "clave.yaml"), []byte(right+tt.more), nil)
			if tt.refused != nil {
				if len(problems) != 1 || problems[0].where != tt.refused[0] || problems[0].key != tt.refused[1] ||
					!strings.Contains(problems[0].what, tt.refused[2]) || !strings.Contains(problems[0].remedy, tt.refused[3]) {
					t.Errorf("got %v, want %v", problems, tt.refused)
				}
				return
			}
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			s, err := c.server(program{now: time.Now}, slog.New(slog.DiscardHandler))
			if err != nil || !slices.Equal(s.Pages.Without, tt.without) || s.Login.Lockout.Expires != tt.expires || s.Login.Lockout.Attempts != 5 {
				t.Errorf("got without %v, %+v, %v", s.Pages.Without, s.Login.Lockout, err)
			}
		})
	}
	c, problems := parseConfig(filepath.Join(dir, "clave.yaml"), []byte(right), []string{"CLAVE_UNLOCK_WAYS=mail, video", "CLAVE_LOGIN_LOCK_EXPIRES=1d"})
	if len(problems) > 0 || !slices.Equal(c.without(), []templates.Way{"ventanilla", "cau", "agency"}) || c.Login.LockExpires != 24*time.Hour {
		t.Errorf("the environment: %v", problems)
	}
}

// D04: an operator sees until when a person is locked.
func TestD04_ShowSaysUntilWhen(t *testing.T) {
	i := install(t, storagetest.Engines()[0])
	a := storagetest.AddAfiliado(t, i.db, storage.Afiliado{})
	now := storagetest.Noon()
	lock := func(reason string) {
		mac := i.db.IdentifierMAC(a.Identifier)
		storagetest.InTx(t, i.db, func(tx *storage.Tx) error {
			if err := tx.UnlockClave(t.Context(), mac); err != nil {
				return err
			}
			_, err := tx.LockClave(t.Context(), mac, reason, now)
			return err
		})
	}
	show := func() string {
		_, stdout, stderr := i.at(now.Add(time.Hour), "afiliado", "show", a.ID)
		return stdout + stderr
	}
	lock(storage.LockLogin)
	if got := show(); !strings.Contains(got, "login since "+instant(now)+"\n") {
		t.Errorf("without an end: %s", got)
	}
	text, err := os.ReadFile(i.file)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, i.file, strings.Replace(string(text), "# login:\n", "login:\n  lock_expires: 24h\n", 1))
	if got := show(); !strings.Contains(got, "login since "+instant(now)+", until "+instant(now.Add(24*time.Hour))+"\n") {
		t.Errorf("with an end: %s", got)
	}
	lock(storage.LockOperador)
	if got := show(); !strings.Contains(got, "operador since "+instant(now)+"\n") {
		t.Errorf("an officer's lock: %s", got)
	}
}
