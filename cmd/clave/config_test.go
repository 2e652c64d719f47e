package main

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// right is a configuration without a mistake; its line numbers are those of the
// table below.
const right = `issuer: http://localhost:8080
listen: 127.0.0.1:8080
internal:
  listen: 127.0.0.1:9090
database:
  url: sqlite:clave.db
keys:
  current: a
  seal: {a: seal}
  index_file: index
  pairwise_file: pairwise
audit:
  key_file: audit
`

// configDir holds the key files that right names, and some bad ones.
func configDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"seal", "index", "pairwise", "open"} {
		key := make([]byte, 32)
		rand.Read(key)
		writeFile(t, filepath.Join(dir, name), encodeKey(key))
	}
	secret, _, err := note.GenerateKey(nil, "localhost/audit")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "audit"), secret+"\n")
	writeFile(t, filepath.Join(dir, "short"), encodeKey(make([]byte, 16)))
	writeFile(t, filepath.Join(dir, "zero"), encodeKey(make([]byte, 32)))
	writeFile(t, filepath.Join(dir, "words"), "this is not base64!\n")
	writeFile(t, filepath.Join(dir, "empty"), "")
	writeFile(t, filepath.Join(dir, "url"), "postgres://clave:s3cret@db.example/clave\n")
	if err := os.Chmod(filepath.Join(dir, "open"), 0o644); err != nil {
		t.Fatal(err)
	}
	index, err := os.ReadFile(filepath.Join(dir, "index"))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "same"), string(index))
	writeCertificate(t, dir, "good", "localhost", time.Now().Add(time.Hour))
	writeCertificate(t, dir, "old", "localhost", time.Now().Add(-time.Hour))
	writeCertificate(t, dir, "other", "elsewhere.example", time.Now().Add(time.Hour))
	return dir
}

func writeFile(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestConfigRight(t *testing.T) {
	dir := configDir(t)
	c, problems := parseConfig(filepath.Join(dir, "clave.yaml"), []byte(right), nil)
	if len(problems) > 0 {
		t.Fatalf("got %v, want no problem", problems)
	}
	if got, want := c.Database.URL, "sqlite:"+filepath.Join(dir, "clave.db"); got != want {
		t.Errorf("database: got %q, want %q beside the file", got, want)
	}
	if c.Clave.MaxAge != 365*24*time.Hour || c.Login.Attempts != 5 || c.Login.Idle != 15*time.Minute || c.Hash.Memory != 19456 ||
		c.Clave.Spread != 30*day || c.Unlock.Life != 3*time.Minute || c.Unlock.Limit != 3 || c.Unlock.Window != 15*time.Minute ||
		!c.Unlock.Fingerprint || c.Notices.NewDeviceWait != 5*time.Minute {
		t.Errorf("defaults: got %+v %+v %+v", c.Clave, c.Login, c.Hash)
	}
}

func TestFT21_EachMistakeIsNamed(t *testing.T) {
	const file = "clave.yaml"
	for _, tt := range []struct {
		name, old, new           string
		where, key, what, remedy string
	}{
		// the file
		{"empty", right, "", ":1", "", "empty", "config example"},
		{"tab", "  url: sqlite", "\turl: sqlite", ":6", "", "not YAML", "indent with spaces"},
		{"no mapping", right, "- issuer\n", ":1", "", "not a list of keys", "key: value"},
		{"two documents", "audit:\n", "---\naudit:\n", ":12", "", "second document", "---"},
		{"unclosed quote", "current: a", `current: "a`, ":8", "", "not YAML", "quote"},
		// keys
		{"unknown key", "listen: 127", "lisen: 127", ":2", "lisen", "not a key", "did you mean listen"},
		{"unknown nested key", "  url:", "  max_con: 3\n  url:", ":6", "database.max_con", "not a key", "did you mean database.max_conns"},
		{"key of another section", "listen: 127.0.0.1:8080", "attempts: 5", ":2", "attempts", "not a key", "did you mean login.attempts"},
		{"Spanish key", "audit:", "clave:\n  vigencia: 365d\naudit:", ":13", "clave.vigencia", "not a key", "emove it"},
		{"duplicate", "audit:", "listen: :80\naudit:", ":12", "listen", "twice", "keep one"},
		{"duplicate nested", "  pairwise_file", "  current: b\n  pairwise_file", ":11", "keys.current", "twice, first in line 8", "keep one"},
		{"dotted key", "listen: 127", "internal.listen: 127", ":2", "internal.listen", "dot", "indented"},
		{"no value", "127.0.0.1:8080", "", ":2", "listen", "no value", "remove the line"},
		{"section as value", "audit:\n  key_file: audit", "audit: audit", ":12", "audit", "section", "key_file"},
		{"value as section", "listen: 127.0.0.1:8080", "listen: {port: 80}", ":2", "listen", "wrong form", "listen: 127.0.0.1:8080"},
		{"value as list", "url: sqlite:clave.db", "url: [sqlite:clave.db]", ":6", "database.url", "wrong form", "url:"},
		{"alias", "  index_file: index\n  pairwise_file: pairwise", "  index_file: &x index\n  pairwise_file: *x", ":11", "keys.pairwise_file", "alias", "write the value out"},
		{"merge key", "  current: a", "  <<: {current: b}\n  current: a", ":8", "keys.<<", "not a key", "emove it"},
		{"missing issuer", "issuer: http://localhost:8080\n", "", ":1", "issuer", "missing", "https://"},
		{"missing key", "  pairwise_file: pairwise\n", "", ":7", "keys.pairwise_file", "missing", "pairwise_file:"},
		{"missing section", "audit:\n  key_file: audit\n", "", ":1", "audit.key_file", "missing", "key_file"},
		{"missing database", "  url: sqlite:clave.db", "  max_conns: 4", ":5", "database.url", "missing", "url_file"},
		// values
		{"issuer no address", "http://localhost:8080", "clave.iess.gob.ec", ":1", "issuer", "not a web address", "https://"},
		{"issuer http", "http://localhost:8080", "http://clave.iess.gob.ec", ":1", "issuer", "in the clear", "https://"},
		{"issuer path", "http://localhost:8080", "http://localhost:8080/", ":1", "issuer", "more than scheme", "write http://localhost:8080"},
		{"issuer capitals", "http://localhost:8080", "https://Clave.iess.gob.ec", ":1", "issuer", "lower-case", "https://clave.iess.gob.ec"},
		{"issuer default port", "http://localhost:8080", "https://clave.iess.gob.ec:443", ":1", "issuer", "unusual port", "https://clave.iess.gob.ec"},
		{"issuer user", "http://localhost:8080", "https://a@clave.iess.gob.ec", ":1", "issuer", "more than", "https://clave.iess.gob.ec"},
		{"listen no port", "127.0.0.1:8080\n", "127.0.0.1\n", ":2", "listen", "not an address", "host:port"},
		{"listen port too high", "127.0.0.1:8080\n", "127.0.0.1:70000\n", ":2", "listen", "not an address", "host:port"},
		{"number", "audit:", "login:\n  attempts: five\naudit:", ":13", "login.attempts", "not a whole number", "1 to 100"},
		{"D02 attempts", "audit:", "login:\n  attempts: 101\naudit:", ":13", "login.attempts", "out of range", "1 to 100"},
		{"duration", "audit:", "clave:\n  max_age: 1 year\naudit:", ":13", "clave.max_age", "not a duration", "365d"},
		{"duration without unit", "audit:", "login:\n  session_idle: 15\naudit:", ":13", "login.session_idle", "not a duration", "15m"},
		{"negative duration", "audit:", "login:\n  session_idle: -15m\naudit:", ":13", "login.session_idle", "not a duration", "from 1m"},
		{"keys rotate too soon", "audit:", "tokens:\n  key_cache: 1h\n  key_life: 1h\naudit:", ":14", "tokens.key_life", "too short while tokens.key_cache is 1h", "at least 1h0m10s"},
		{"code too long", "audit:", "tokens:\n  code: 2m\naudit:", ":13", "tokens.code", "out of range", "1m"},
		{"truth", "audit:", "log:\n  access: maybe\naudit:", ":13", "log.access", "neither true nor false", "true or false"},
		{"log level", "audit:", "log:\n  level: loud\naudit:", ":13", "log.level", "not known", "debug, info, warn, error"},
		{"proxy network", "audit:", "proxy:\n  trusted: [10.0.0.300]\naudit:", ":13", "proxy.trusted", "not a network", "10.1.2.0/24"},
		{"proxy everybody", "audit:", "proxy:\n  trusted: [0.0.0.0/0]\naudit:", ":13", "proxy.trusted", "trusts everybody", "own addresses"},
		{"proxy IPv6 that maps IPv4 and more", "audit:", "proxy:\n  trusted: ['::ffff:0.0.0.0/90']\naudit:", ":13", "proxy.trusted", "more than IPv4", "10.1.2.0/24"},
		{"proxy everybody, mapped", "audit:", "proxy:\n  trusted: ['::ffff:0.0.0.0/96']\naudit:", ":13", "proxy.trusted", "trusts everybody", "own addresses"},
		{"proxy header", "audit:", "proxy:\n  header: Forwarded\naudit:", ":13", "proxy.header", "cannot be read", "X-Forwarded-For"},
		{"clave too short", "audit:", "clave:\n  min: 6\naudit:", ":13", "clave.min", "out of range", "8 to 64"},
		{"channel kind", "audit:", "contact:\n  channels: {fax: https://iess.gob.ec}\naudit:", ":13", "contact.channels", "no assisted way", "video, turno"},
		{"channel address", "audit:", "contact:\n  channels: {video: iess.gob.ec}\naudit:", ":13", "contact.channels", "not an https address", "https://"},
		{"mailbox", "audit:", "contact:\n  delegate_email: nobody\naudit:", ":13", "contact.delegate_email", "not a mailbox", "@"},
		{"control character", "audit:", "contact:\n  phone: \"a\\nb\"\naudit:", ":13", "contact.phone", "control characters", "one line"},
		{"D05 D06 link too long", "audit:", "unlock:\n  link_life: 61m\naudit:", ":13", "unlock.link_life", "out of range", "from 1m to 1h"},
		{"D06 link too short", "audit:", "unlock:\n  link_life: 30s\naudit:", ":13", "unlock.link_life", "out of range", "from 1m"},
		{"D06 links without end", "audit:", "unlock:\n  limit: 0\naudit:", ":13", "unlock.limit", "out of range", "1 to 20"},
		{"D06 window", "audit:", "unlock:\n  window: 2d\naudit:", ":13", "unlock.window", "out of range", "from 1m to 1d"},
		{"D20 fingerprint", "audit:", "unlock:\n  fingerprint: some\naudit:", ":13", "unlock.fingerprint", "neither true nor false", "true or false"},
		{"T02 alarm that is always on", "audit:", "pressure:\n  alarm_least: 0\naudit:", ":13", "pressure.alarm_least", "out of range", "from 10"},
		{"T02 alarm below the usual", "audit:", "pressure:\n  alarm_times: -1\naudit:", ":13", "pressure.alarm_times", "out of range", "0 to 100"},
		{"notice of a new device", "audit:", "notices:\n  new_device_wait: 2h\naudit:", ":13", "notices.new_device_wait", "out of range", "to 1h"},
		{"spread", "audit:", "clave:\n  spread: 1h\naudit:", ":13", "clave.spread", "out of range", "or 0 for none"},
		// mail
		{"ASVS 12.3.3 mail in the clear", "audit:", "smtp: {host: mail.example, from: a@iess.example, tls: none}\naudit:", ":12", "smtp.tls", "in the clear", "starttls"},
		{"ASVS 12.3.3 mail with TLS at will", "audit:", "smtp: {host: mail.example, from: a@iess.example, tls: opportunistic}\naudit:", ":12", "smtp.tls", "not known", "implicit"},
		{"mail server with a scheme", "audit:", "smtp: {host: 'smtp://mail.example', from: a@iess.example}\naudit:", ":12", "smtp.host", "host name", "alone"},
		{"mail from nobody", "audit:", "smtp:\n  host: mail.example\naudit:", ":12", "smtp.from", "missing beside smtp.host", "both"},
		{"mail timeout beyond the lease", "audit:", "smtp: {host: mail.example, from: a@iess.example, timeout: 61s}\naudit:", ":12", "smtp.timeout", "out of range", "1m"},
		{"ASVS 1.3.11 mail from two", "audit:", "smtp: {host: mail.example, from: 'a@iess.example, b@iess.example'}\naudit:", ":12", "smtp.from", "not an address", "one address"},
		{"ASVS 1.3.11 mail from two lines", "audit:", "smtp: {host: mail.example, from: \"a@iess.example\\nBcc: b@iess.example\"}\naudit:", ":12", "smtp.from", "not an address", "one address"},
		{"mail user without password", "audit:", "smtp: {host: mail.example, from: a@iess.example, username: clave}\naudit:", ":12", "smtp.password_file", "missing beside", "both"},
		{"mail password for all", "audit:", "smtp: {host: mail.example, from: a@iess.example, username: clave, password_file: open}\naudit:", ":12", "smtp.password_file", "mode 0644", "chmod 600"},
		{"mail certificates", "audit:", "smtp: {host: mail.example, from: a@iess.example, ca_file: words}\naudit:", ":12", "smtp.ca_file", "no certificate", "PEM"},
		// files
		{"no key file", "index_file: index", "index_file: nowhere", ":10", "keys.index_file", "there is no file", "config init"},
		{"key file for all", "index_file: index", "index_file: open", ":10", "keys.index_file", "mode 0644", "chmod 600"},
		{"key too short", "index_file: index", "index_file: short", ":10", "keys.index_file", "16 bytes", "config key"},
		{"key of zeros", "index_file: index", "index_file: zero", ":10", "keys.index_file", "32 times", "config key"},
		{"key not base64", "index_file: index", "index_file: words", ":10", "keys.index_file", "not hold base64", "config key"},
		{"key file empty", "index_file: index", "index_file: empty", ":10", "keys.index_file", "is empty", "one line"},
		{"key file a folder", "index_file: index", "index_file: .", ":10", "keys.index_file", "not a regular file", "name a file"},
		{"seal key short", "{a: seal}", "{a: seal, b: short}", ":9", "keys.seal", "b: ", "config key"},
		{"seal key twice", "{a: seal}", "{a: seal, a: seal}", ":9", "keys.seal", "twice", "keep one"},
		{"current unknown", "current: a", "current: b", ":8", "keys.current", "not among keys.seal", "one of the keys"},
		{"one key twice", "pairwise_file: pairwise", "pairwise_file: same", ":11", "keys.pairwise_file", "same key as keys.index_file", "config key"},
		{"audit key", "key_file: audit", "key_file: index", ":13", "audit.key_file", "no key that signs", "audit key"},
		{"private key for all", "audit:", "tls: {cert_file: good.pem, key_file: open}\naudit:", ":12", "tls.key_file", "mode 0644", "chmod 600"},
		{"no private key", "audit:", "tls: {cert_file: good.pem, key_file: nowhere}\naudit:", ":12", "tls.key_file", "there is no file", absent},
		// between keys
		{"database unknown", "sqlite:clave.db", "mysql://db/clave", ":6", "database.url", "neither", "postgres://"},
		{"database no name", "sqlite:clave.db", "postgres://localhost", ":6", "database.url", "names no database", "postgres://"},
		{"database no file", "sqlite:clave.db", "'sqlite:'", ":6", "database.url", "no file", "sqlite:FILE"},
		{"ASVS 12.3.1 database in the clear", "sqlite:clave.db", "postgres://db.example/clave?sslmode=require", ":6", "database.url", "without checking", "verify-full"},
		{"database from file in the clear", "url: sqlite:clave.db", "url_file: url", ":6", "database.url_file", "without checking", "verify-full"},
		{"database twice", "  url: sqlite:clave.db", "  url: sqlite:clave.db\n  url_file: url", ":7", "database.url_file", "beside", "keep one"},
		{"same listener", "127.0.0.1:9090", "127.0.0.1:8080", ":4", "internal.listen", "the public address", "port of its own"},
		{"http for others", "127.0.0.1:8080", ":8080", ":2", "listen", "open to others", "127.0.0.1"},
		{"https without TLS", "http://localhost:8080", "https://clave.iess.gob.ec", ":1", "tls.cert_file", "nothing would end TLS", "proxy.trusted"},
		{"http with TLS", "audit:", "tls: {cert_file: good.pem, key_file: good.key}\naudit:", ":1", "issuer", "a certificate is given", "https://"},
		{"certificate without key", "audit:", "tls: {cert_file: good.pem}\naudit:", ":12", "tls.key_file", "missing beside", "both"},
		{"mTLS in the clear", "audit:", "mtls: {origin: 'http://mtls.localhost'}\naudit:", ":12", "mtls.origin", "has no TLS", "https://"},
		{"mTLS at the issuer", "audit:", "mtls: {origin: 'https://localhost'}\naudit:", ":12", "mtls.origin", "the issuer's host", "host of its own"},
		{"mTLS that nobody ends", "audit:", "mtls: {origin: 'https://mtls.example'}\naudit:", ":12", "mtls.origin", "nothing receives", "proxy.certificate_header"},
		{"authorities for nothing", "audit:", "mtls: {ca_file: good.pem}\naudit:", ":12", "mtls.ca_file", "nothing receives", "mtls.origin"},
		{"authorities that are none", "audit:", "mtls: {ca_file: index}\naudit:", ":12", "mtls.ca_file", "nothing would be trusted", "PEM"},
		{"certificates of no proxy", "audit:", "proxy: {certificate_header: Client-Cert}\naudit:", ":12", "proxy.certificate_header", "yet no proxy", "proxy.trusted"},
		{"D17 waiver for all", "audit:", "clave:\n  min: 16\naudit:", ":12", "clave.waiver", "less than clave.min", "max_age: 0"},
		{"stop too soon", "audit:", "stop:\n  deadline: 2s\naudit:", ":13", "stop.deadline", "cuts off requests", "at least 5s"},
		{"session", "audit:", "login:\n  session_max: 10m\naudit:", ":12", "login.session_idle", "longer than", "shorter"},
		{"FT-26 weak hash", "audit:", "hash:\n  passes: 1\naudit:", ":12", "hash.memory", "too weak", "47104"},
		{"FT-26 little memory", "audit:", "hash:\n  memory: 4096\naudit:", ":13", "hash.memory", "out of range", "7168"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := configDir(t)
			text := strings.Replace(right, tt.old, tt.new, 1)
			if text == right {
				t.Fatal("the mistake was not seeded")
			}
			where := tt.where
			if strings.HasPrefix(where, ":") {
				where = file + where
			}
			_, problems := parseConfig(filepath.Join(dir, file), []byte(text), nil)
			if !slices.ContainsFunc(problems, func(p problem) bool {
				return p.where == where && p.key == tt.key && strings.Contains(p.what, tt.what) && strings.Contains(p.remedy, tt.remedy)
			}) {
				t.Errorf("got %v, want %s: %s: …%s…; …%s…", problems, where, tt.key, tt.what, tt.remedy)
			}
			if len(problems) > 2 {
				t.Errorf("one mistake gave %d problems: %v", len(problems), problems)
			}
			for _, p := range problems {
				if strings.Contains(p.String(), "\n") || strings.Contains(p.String(), "s3cret") {
					t.Errorf("%q is not one plain line without secrets", p)
				}
			}
		})
	}
}

func TestFT21_Certificates(t *testing.T) {
	for _, tt := range []struct{ name, cert, key, want string }{
		{"good", "good.pem", "good.key", ""},
		{"expired", "old.pem", "old.key", "expired on"},
		{"of another key", "good.pem", "other.key", "does not belong to tls.key_file"},
		{"of another host", "other.pem", "other.key", "is not for localhost"},
		{"not PEM", "index", "good.key", "cannot be read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := configDir(t)
			text := strings.Replace(right, "http://localhost:8080", "https://localhost:8443", 1) +
				"tls:\n  cert_file: " + tt.cert + "\n  key_file: " + tt.key + "\n"
			cfg, problems := parseConfig(filepath.Join(dir, "clave.yaml"), []byte(text), nil)
			if tt.want == "" {
				if len(problems) > 0 {
					t.Errorf("got %v, want none", problems)
				}
				return
			}
			if cfg == nil { // keys must be revocable on that day too
				t.Error("nothing but serving is wrong, yet no other command could run")
			}
			if len(problems) != 1 || problems[0].where != "clave.yaml:15" || !strings.Contains(problems[0].what, tt.want) {
				t.Errorf("got %v, want line 15: %q", problems, tt.want)
			}
		})
	}
}

func TestFT21_AllMistakesAtOnce(t *testing.T) {
	text := strings.NewReplacer("127.0.0.1:8080\n", "nowhere\n", "index_file: index", "index_file: short", "current: a", "curent: a").Replace(right)
	_, problems := parseConfig(filepath.Join(configDir(t), "clave.yaml"), []byte(text), nil)
	var got []string
	for _, p := range problems {
		got = append(got, p.where+" "+p.key)
	}
	want := []string{"clave.yaml:2 listen", "clave.yaml:7 keys.current", "clave.yaml:8 keys.curent", "clave.yaml:10 keys.index_file"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q in the order of the file", got, want)
	}
}

func TestConfigMissingFile(t *testing.T) {
	_, problems := loadConfig(filepath.Join(t.TempDir(), "clave.yaml"), nil)
	if len(problems) != 1 || !strings.Contains(problems[0].String(), "config init") {
		t.Errorf("got %v, want one problem that names clave config init", problems)
	}
}

func TestEnvironmentOverridesEveryKey(t *testing.T) {
	dir := configDir(t)
	for _, o := range new(config).options() {
		value := o.preset
		if value == "" {
			value = o.example
		}
		// A value no key accepts: that it is found proves that it was read.
		name := variable(o.key)
		_, problems := parseConfig(filepath.Join(dir, "clave.yaml"), []byte(right), []string{name + "=\x01"})
		if !slices.ContainsFunc(problems, func(p problem) bool { return p.where == name && p.key == o.key }) {
			t.Errorf("%s (like %q): got %v, want a problem that names the variable", name, value, problems)
		}
	}
}

func TestEnvironment(t *testing.T) {
	dir := configDir(t)
	file := filepath.Join(dir, "clave.yaml")
	c, problems := parseConfig(file, []byte(right), []string{
		"CLAVE_CLAVE_MAX_AGE=90d", "CLAVE_PROXY_TRUSTED=10.0.0.1, 10.1.0.0/16", "CLAVE_KEYS_SEAL=a=seal,b=" + filepath.Join(dir, "pairwise"),
		"CLAVE_KEYS_PAIRWISE_FILE=same", "CLAVE_KEYS_INDEX_FILE=" + filepath.Join(dir, "seal"), "CLAVE_LISTEN=", "CLAVE_PORT=tcp://10.0.0.1:80", "PATH=/bin",
	})
	// Keys given twice are found whichever way they were given.
	if c != nil || len(problems) != 1 || problems[0].key != "keys.seal" {
		t.Fatalf("got %v, want one problem: keys.seal holds the key of another purpose", problems)
	}
	writeFile(t, filepath.Join(dir, "url"), "postgres://clave:s3cret@localhost/clave\n")
	c, problems = parseConfig(file, []byte(right), []string{
		"CLAVE_CLAVE_MAX_AGE=90d", "CLAVE_PROXY_TRUSTED=10.0.0.1, 10.1.0.0/16", "CLAVE_LISTEN=", "CLAVE_PORT=tcp://10.0.0.1:80",
		"CLAVE_DATABASE_URL_FILE=url",
	})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if c.Clave.MaxAge != 90*24*time.Hour || len(c.Proxy.Trusted) != 2 || c.Listen != "127.0.0.1:8080" ||
		c.Database.URL != "postgres://clave:s3cret@localhost/clave" {
		t.Errorf("got %v %v %q %q", c.Clave.MaxAge, c.Proxy.Trusted, c.Listen, c.Database.URL)
	}
	_, problems = parseConfig(file, []byte(right), []string{"CLAVE_TOKENS_CDOE=60s"})
	if len(problems) != 1 || problems[0].where != "CLAVE_TOKENS_CDOE" || !strings.Contains(problems[0].remedy, "tokens.code") {
		t.Errorf("a misspelt variable: got %v, want one problem that suggests tokens.code", problems)
	}
}

func TestExampleIsRight(t *testing.T) {
	var text bytes.Buffer
	if err := writeExample(&text, nil); err != nil {
		t.Fatal(err)
	}
	_, problems := parseConfig(filepath.Join(t.TempDir(), "clave.yaml"), text.Bytes(), nil)
	for _, p := range problems { // what an example cannot have: files, TLS and a database
		if !strings.Contains(p.what, "there is no file") && p.key != "tls.cert_file" && p.key != "database.url" {
			t.Error(p)
		}
	}
	// Every line that is a comment on a key is right too once it is no comment.
	var all []string
	for _, line := range strings.Split(text.String(), "\n") {
		key := strings.TrimPrefix(strings.TrimLeft(line, " "), "# ")
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		if name, _, ok := strings.Cut(key, ":"); ok && !strings.ContainsAny(name, " /.(") && strings.ToLower(name) == name {
			line = indent + key
		}
		all = append(all, line)
	}
	_, problems = parseConfig(filepath.Join(t.TempDir(), "clave.yaml"), []byte(strings.Join(all, "\n")), nil)
	for _, p := range problems {
		if !strings.Contains(p.what, "there is no file") && p.key != "database.url_file" && p.key != "tls.cert_file" {
			t.Error(p)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(right), "CLAVE_LISTEN", ":80")
	f.Add([]byte("a: &a [*a]\n"), "CLAVE_KEYS_SEAL", "=,=")
	f.Add([]byte("? {a: b}\n: c\n--- x"), "CLAVE_X_Y", "z")
	f.Add([]byte("tls:\n  cert_file: [[[[{}]]]]\n"), "CLAVE_CLAVE_MAX_AGE", "106751d")
	dir := configDir(f)
	f.Fuzz(func(t *testing.T, text []byte, name, value string) {
		c, problems := parseConfig(filepath.Join(dir, "clave.yaml"), text, []string{name + "=" + value})
		if c == nil && len(problems) == 0 || c != nil && slices.ContainsFunc(problems, func(p problem) bool { return !p.serving() }) {
			t.Fatalf("got %v and %v, want a configuration where nothing but serving is wrong", c, problems)
		}
		for _, p := range problems {
			if p.where == "" || p.what == "" || p.remedy == "" {
				t.Errorf("got %+v, want place, mistake and remedy", p)
			}
		}
	})
}
