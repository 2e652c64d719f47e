package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// FT-21: what is wrong with the section logout is named with its key and remedy.
func TestLogoutIsConfigured(t *testing.T) {
	dir := configDir(t)
	for more, refused := range map[string][]string{ // key, what, remedy
		"networks: [10.20.0.0/16, 'fd00:20::/32']": nil,
		"timeout: 30s\n  give_up: 7d":              nil,
		"networks: [0.0.0.0/0]":                    {"logout.networks", "0.0.0.0/0 is most of the internet", "10.20.0.0/16"},
		"networks: [10.20.0.0/16, '::/0']":         {"logout.networks", "::/0 is most of the internet", "10.20.0.0/16"},
		"networks: [intranet]":                     {"logout.networks", "not a network", "198.51.100.0/24"},
		"timeout: 0":                               {"logout.timeout", "out of range", "from 1s"},
		"timeout: 31s":                             {"logout.timeout", "out of range", "to 30s"},
		"give_up: 8d":                              {"logout.give_up", "out of range", "to 7d"},
		"ca_file: nowhere.pem":                     {"logout.ca_file", "there is no file", ""},
		"ca_file: index":                           {"logout.ca_file", "holds no certificate", "PEM"},
	} {
		_, problems := parseConfig(filepath.Join(dir, "clave.yaml"), []byte(right+"logout:\n  "+more+"\n"), nil)
		switch {
		case refused == nil && len(problems) > 0:
			t.Errorf("%s: %v", more, problems)
		case refused != nil && (len(problems) != 1 || problems[0].key != refused[0] || !strings.Contains(problems[0].what, refused[1]) ||
			!strings.Contains(problems[0].remedy, refused[2])):
			t.Errorf("%s: got %v, want %q", more, problems, refused)
		}
	}
}
