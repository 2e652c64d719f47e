package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What Kubernetes says of services whose names begin with ours is no mistake,
// even where it takes the name of a key.
func TestEnvironmentOfKubernetes(t *testing.T) {
	file := filepath.Join(configDir(t), "clave.yaml")
	_, problems := parseConfig(file, []byte(right), []string{
		"CLAVE_SERVICE_HOST=10.0.0.1", "CLAVE_PORT=tcp://10.0.0.1:80",
		"CLAVE_DATABASE_SERVICE_HOST=10.0.0.2", "CLAVE_DATABASE_SERVICE_PORT=5432", "CLAVE_DATABASE_SERVICE_PORT_PG=5432",
		"CLAVE_DATABASE_PORT=tcp://10.0.0.2:5432", "CLAVE_DATABASE_PORT_5432_TCP=tcp://10.0.0.2:5432",
		"CLAVE_DATABASE_PORT_5432_TCP_PROTO=tcp", "CLAVE_DATABASE_PORT_5432_TCP_PORT=5432", "CLAVE_DATABASE_PORT_5432_TCP_ADDR=10.0.0.2",
		"CLAVE_HTTP_PORT_80_TCP=tcp://10.0.0.3:80", "CLAVE_LOG_PORT_514_UDP=udp://10.0.0.4:514", "CLAVE_SMTP_PORT=tcp://10.0.0.5:25",
	})
	if len(problems) > 0 {
		t.Errorf("got %v, want them passed over", problems)
	}
	for _, ours := range []string{"CLAVE_DATABASE_PORT=5432", "CLAVE_DATABASE_HOST=10.0.0.2", "CLAVE_SMTP_PORT=smtp"} {
		if _, problems := parseConfig(file, []byte(right), []string{ours}); len(problems) != 1 {
			t.Errorf("%s: got %v, want it refused", ours, problems)
		}
	}
}

func TestDatabaseInTheClearIsSaidAloud(t *testing.T) {
	file := filepath.Join(configDir(t), "clave.yaml")
	address := "CLAVE_DATABASE_URL=postgres://db.example/clave?sslmode=disable"
	if _, problems := parseConfig(file, []byte(right), []string{address}); len(problems) != 1 {
		t.Errorf("got %v, want one problem", problems)
	}
	if _, problems := parseConfig(file, []byte(right), []string{address, "CLAVE_DATABASE_PLAINTEXT=true"}); len(problems) > 0 {
		t.Errorf("with database.plaintext: got %v, want none", problems)
	}
}

// A section all of whose keys are commented out is none.
func TestSectionWithoutKeysIsAbsent(t *testing.T) {
	file := filepath.Join(configDir(t), "clave.yaml")
	if _, problems := parseConfig(file, []byte(right+"tls:\n  # cert_file: tls/cert.pem\n"), nil); len(problems) > 0 {
		t.Errorf("got %v, want none", problems)
	}
	if _, problems := parseConfig(file, []byte(right+"tls: yes\n"), nil); len(problems) != 1 {
		t.Errorf("got %v, want one", problems)
	}
}

func TestProxyNetworksAreComparedAsIPv4(t *testing.T) {
	file := filepath.Join(configDir(t), "clave.yaml")
	c, problems := parseConfig(file, []byte(right), []string{"CLAVE_PROXY_TRUSTED=::ffff:10.1.0.0/104,::ffff:10.2.0.1,2001:db8::/32"})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("10.2.0.1/32"), netip.MustParsePrefix("2001:db8::/32")}
	if !slices.Equal(c.Proxy.Trusted, want) {
		t.Errorf("got %v, want %v", c.Proxy.Trusted, want)
	}
}

// A file that config init does not make is not said to be made by it.
func TestRemedyOfMissingFiles(t *testing.T) {
	text := strings.Replace(right, "index_file: index", "index_file: nowhere", 1) + "tls: {cert_file: nowhere, key_file: good.key}\n"
	_, problems := parseConfig(filepath.Join(configDir(t), "clave.yaml"), []byte(text), nil)
	for _, p := range problems {
		if strings.Contains(p.what, "there is no file") && strings.Contains(p.remedy, "config init") != (p.key == "keys.index_file") {
			t.Errorf("%v", p)
		}
	}
}

func TestConfigInitRefusesBeforeItWrites(t *testing.T) {
	for _, args := range [][]string{
		{"-issuer", "clave.example"}, {"-issuer", "http://clave.example"}, {"-issuer", "https://clave.example/"}, {"-database", "mysql://db/clave"},
	} {
		dir := filepath.Join(t.TempDir(), "clave")
		status, stdout, stderr := clave(t, append([]string{"config", "init", dir}, args...)...)
		if status != exitUsage || stdout != "" || !strings.Contains(stderr, args[0]+": ") || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: got %d %q %q, want one line that names it", args, status, stdout, stderr)
		}
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("%q: something was written (%v)", args, err)
		}
	}
}
