package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"iess.gob.ec/clave/login/recovery"
	"iess.gob.ec/clave/provider"
	"iess.gob.ec/clave/templates"
)

// config is what clave.yaml and the environment say, checked. Only this package
// reads either.
type config struct {
	dir string // of the file: names of other files are relative to it

	Issuer   *url.URL
	Listen   string
	Internal string
	Profile  bool

	TLS struct{ Cert, Key string }

	Proxy struct {
		Trusted             []netip.Prefix
		Header, Certificate string
	}
	MTLS struct {
		Origin string
		CAs    *provider.Authorities // nil: none
	}
	HTTP struct {
		HeaderTimeout, BodyTimeout, WriteTimeout, IdleTimeout time.Duration
	}
	Stop struct{ Delay, Deadline time.Duration }

	Database struct {
		URL       string
		MaxConns  int
		Migrate   bool
		Plaintext bool
	}
	Keys struct {
		Current         string
		Seal            map[string][]byte
		Index, Pairwise []byte
	}
	Audit struct {
		Key      string // note.NewSigner's text
		Personal time.Duration
	}
	SMTP struct {
		Host, TLS          string
		Port               int
		Username, Password string
		From, ReplyTo      string
		Roots              *x509.CertPool // nil: those of the system
		Timeout            time.Duration
	}
	Clave struct {
		MaxAge, Spread            time.Duration
		History, Min, Max, Waiver int
		Mixed, Symbols, Spanish   bool
		WaivePasskey              bool
	}
	Login struct {
		Attempts               int
		Idle, Absolute, Device time.Duration
		Shared                 struct{ Idle, Absolute time.Duration }
		LockExpires            time.Duration // 0: never
	}
	Pressure struct{ AlarmTimes, AlarmLeast int }
	Unlock   struct {
		Life, Window time.Duration
		Limit        int
		Fingerprint  bool
		Ways         []templates.Way
	}
	Recovery struct {
		Attempts                            int
		Locks                               string
		Life, Window, ContactWait, CaseLife time.Duration
		Networks                            recovery.Networks
	}
	Logout struct {
		Networks        []netip.Prefix
		Roots           *x509.CertPool // nil: those of the system
		Timeout, GiveUp time.Duration
	}
	Notices struct{ NewDeviceWait time.Duration }
	Hash    struct {
		Slots, Queue int
		Wait         time.Duration
		Memory       uint32 // KiB
		Passes       uint32
		Lanes        uint8
	}
	Tokens struct {
		Code, Access, ID, Refresh, Request time.Duration
		KeyCache, KeyLife                  time.Duration // KeyLife 0: for ever
	}
	Contact struct {
		Phone                string
		Channels             []pair // kind, URL
		Controller, Delegate struct{ Address, Email string }
	}
	Log struct {
		Level  string
		Access bool
	}
}

// loadConfig reads file and environ and returns either a configuration or every
// mistake found in them, in the order of the file; both where the mistakes matter
// to who serves only.
func loadConfig(file string, environ []string) (*config, []problem) {
	text, err := readFile(file, maxConfig)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, []problem{{file, "", "there is no such file", "name yours with -config, or make one with clave config init"}}
	case err != nil:
		return nil, []problem{{file, "", err.Error(), "give this user a file it may read"}}
	}
	return parseConfig(file, text, environ)
}

// parseConfig is loadConfig for a text in memory; names of other files in it are
// relative to the folder of file.
func parseConfig(file string, text []byte, environ []string) (*config, []problem) {
	c := &config{dir: filepath.Dir(file)}
	options := c.options()
	r := &reader{
		file: filepath.Base(file), options: map[string]option{},
		entries: map[string]entry{}, sections: map[string]int{},
	}
	for _, o := range options {
		r.options[o.key] = o
	}
	r.readYAML(text)
	if len(r.problems) > 0 && len(r.entries) == 0 {
		return nil, r.problems // one broken line makes every key seem to be missing
	}
	r.readEnvironment(environ)
	for _, o := range options {
		e, given := r.entries[o.key]
		switch {
		case given:
		case o.preset != "":
			e = o.fromText("the default", o.preset)
		case o.required && !r.mentioned(o.key):
			r.problems = append(r.problems, problem{r.place(o.key), o.key, "is missing", "write " + o.sample()})
			continue
		default:
			continue
		}
		for _, f := range o.set(e) {
			where := e.where
			if f.where != "" {
				where = f.where
			}
			r.problems = append(r.problems, problem{where, o.key, f.what, f.remedy})
		}
	}
	r.relate(c)
	slices.SortStableFunc(r.problems, inFileOrder)
	if slices.ContainsFunc(r.problems, func(p problem) bool { return !p.serving() }) {
		return nil, r.problems
	}
	return c, r.problems
}

// serving reports whether a mistake matters to who serves only. The day on which
// a certificate expires is no day on which no key can be revoked.
func (p problem) serving() bool { return strings.HasPrefix(p.key, "tls.") }

// mentioned reports whether a mistake was found with that key already.
func (r *reader) mentioned(key string) bool {
	return slices.ContainsFunc(r.problems, func(p problem) bool { return p.key == key })
}

// place is where a key is or would have to be written.
func (r *reader) place(key string) string {
	if e, ok := r.entries[key]; ok {
		return e.where
	}
	section, _, _ := strings.Cut(key, ".")
	return fmt.Sprintf("%s:%d", r.file, max(r.sections[section], 1))
}

func inFileOrder(a, b problem) int {
	fileA, lineA := lineOf(a.where)
	fileB, lineB := lineOf(b.where)
	if fileA != fileB {
		return strings.Compare(fileA, fileB)
	}
	return lineA - lineB
}

func lineOf(where string) (string, int) {
	i := strings.LastIndexByte(where, ':')
	if i < 0 {
		return where, 0
	}
	var n int
	if _, err := fmt.Sscanf(where[i+1:], "%d", &n); err != nil {
		return where, 0
	}
	return where[:i], n
}

// path is a file named in the configuration.
func (c *config) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.dir, name)
}
