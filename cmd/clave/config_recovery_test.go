package main

import (
	"log/slog"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login/recovery"
)

// D01, D05, D18: what may be set of recovery reaches its pages, and what is out of
// range is refused with its line and remedy.
func TestD01_RecoveryIsConfigured(t *testing.T) {
	dir := configDir(t)
	all := recovery.Config{
		Attempts: 5, LinkLife: 15 * time.Minute, Window: 15 * time.Minute, CaseLife: time.Hour,
	}
	with := func(change func(c *recovery.Config)) recovery.Config {
		c := all
		change(&c)
		return c
	}
	for name, tt := range map[string]struct {
		more    string
		want    recovery.Config
		refused []string // key, what, remedy
	}{
		"default":  {"", all, nil},
		"three":    {"attempts: 3", with(func(c *recovery.Config) { c.Attempts = 3 }), nil},
		"wizard":   {"locks: wizard", with(func(c *recovery.Config) { c.WizardOnly = true }), nil},
		"lives":    {"link_life: 5m\n  window: 10m", with(func(c *recovery.Config) { c.LinkLife, c.Window = 5*time.Minute, 10*time.Minute }), nil},
		"networks": {"networks: [198.51.100.7/24, 2001:db8::1]", with(func(c *recovery.Config) { c.Networks = networksOf(t, "198.51.100.0/24,2001:db8::1/128") }), nil},
		"never":    {"attempts: 0", all, []string{"recovery.attempts", "out of range", "1 to 10"}},
		"many":     {"attempts: 11", all, []string{"recovery.attempts", "out of range", "1 to 10"}},
		"long":     {"contact_wait: 8d", all, []string{"recovery.contact_wait", "out of range", "to 7d"}},
		"locks":    {"locks: account", all, []string{"recovery.locks", "not known", "clave, wizard"}},
		"link":     {"link_life: 61m", all, []string{"recovery.link_life", "out of range", "to 1h"}},
		"no wait":  {"contact_wait: 0", all, []string{"recovery.contact_wait", "out of range", "from 1h"}},
		"case":     {"case_life: 1m", all, []string{"recovery.case_life", "out of range", "from 10m"}},
		"no net":   {"networks: [here]", all, []string{"recovery.networks", "not a network", "198.51.100.0/24"}},
		"mapped":   {"networks: ['::ffff:198.51.100.0/120']", all, []string{"recovery.networks", "written as IPv6", "IPv4"}},
	} {
		t.Run(name, func(t *testing.T) {
			more := ""
			if tt.more != "" {
				more = "recovery:\n  " + tt.more + "\n"
			}
			c, problems := parseConfig(filepath.Join(dir, "clave.yaml"), []byte(right+more), nil)
			if tt.refused != nil {
				if len(problems) != 1 || problems[0].key != tt.refused[0] || !strings.Contains(problems[0].what, tt.refused[1]) ||
					!strings.Contains(problems[0].remedy, tt.refused[2]) {
					t.Errorf("got %v, want %v", problems, tt.refused)
				}
				return
			}
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			s, err := c.server(program{now: time.Now}, slog.New(slog.DiscardHandler))
			if err != nil || !reflect.DeepEqual(s.Recovery, tt.want) {
				t.Errorf("got %+v, %v; want %+v", s.Recovery, err, tt.want)
			}
		})
	}
}

func networksOf(t *testing.T, list string) recovery.Networks {
	t.Helper()
	var n recovery.Networks
	if faults := prefixes(&n)(entry{list: strings.Split(list, ",")}); len(faults) > 0 {
		t.Fatal(faults)
	}
	return n
}
