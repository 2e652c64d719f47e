package main

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// option is one key: its name, what it does, its default and how it is read.
type option struct {
	key, doc string
	preset   string // the default, as written; "" for none
	example  string // shown where there is no default
	shape    shape
	required bool
	set      func(entry) []fault
}

// sample is how the key may be written.
func (o option) sample() string {
	_, name, nested := strings.Cut(o.key, ".")
	if !nested {
		name = o.key
	}
	value := o.preset
	if value == "" {
		value = o.example
	}
	switch o.shape {
	case list:
		return name + ": [" + strings.ReplaceAll(value, ",", ", ") + "]"
	case pairs:
		return name + ": {" + strings.ReplaceAll(strings.ReplaceAll(value, "=", ": "), ",", ", ") + "}"
	default:
		return name + ": " + value
	}
}

const day = 24 * time.Hour

// options are all keys, in the order in which the example shows them.
func (c *config) options() []option {
	return slices.Concat(c.serving(), c.storing(), c.mailing(), c.people(), c.pressing(), c.unlocking(), c.recovering(), c.leaving(), c.hashing(), c.contacting(), c.protocol())
}

func (c *config) serving() []option {
	return []option{
		{
			key: "issuer", required: true, example: "https://clave.iess.gob.ec", set: issuer(&c.Issuer),
			doc: "Where people and applications find this provider. Changing it breaks every application.",
		},
		{
			key: "listen", preset: "127.0.0.1:8080", set: address(&c.Listen),
			doc: "The public listener.",
		},
		{
			key: "tls.cert_file", example: "tls/cert.pem", set: c.fileName(&c.TLS.Cert, false),
			doc: "Certificate chain in PEM, where this program ends TLS itself. A replaced file is noticed.",
		},
		{
			key: "tls.key_file", example: "tls/key.pem", set: c.fileName(&c.TLS.Key, true),
			doc: "Its private key in PEM, mode 0600.",
		},
		{
			key: "proxy.trusted", shape: list, example: "10.1.2.3", set: networks(&c.Proxy.Trusted),
			doc: "The proxies in front of this program, where they end TLS. Nobody else may then connect.",
		},
		{
			key: "proxy.header", preset: "X-Forwarded-For", set: header(&c.Proxy.Header),
			doc: "Where these proxies write the client's address.",
		},
		{
			key: "proxy.certificate_header", example: "Client-Cert", set: header(&c.Proxy.Certificate),
			doc: "Where these proxies write the certificate of an application that shows one, as RFC 9440 or escaped PEM (nginx: $ssl_client_escaped_cert). They must remove what others write there.",
		},
		{
			key: "mtls.origin", example: "https://mtls.clave.iess.gob.ec", set: mtlsOrigin(&c.MTLS.Origin),
			doc: "A host of its own where applications are asked for a certificate (tls_client_auth); this program's certificate must be for it too.",
		},
		{
			key: "mtls.ca_file", example: "tls/applications-ca.pem", set: c.authorities(&c.MTLS.CAs),
			doc: "Certificates in PEM of who issues those of applications (tls_client_auth); those that sign themselves are trusted.",
		},
		{
			key: "http.header_timeout", preset: "10s", set: span(&c.HTTP.HeaderTimeout, 100*time.Millisecond, 10*time.Second, false),
			doc: "How long a client may take over the head of a request.",
		},
		{
			key: "http.body_timeout", preset: "30s", set: span(&c.HTTP.BodyTimeout, 100*time.Millisecond, 30*time.Second, false),
			doc: "How long it may take over the whole request.",
		},
		{
			key: "http.write_timeout", preset: "60s", set: span(&c.HTTP.WriteTimeout, time.Second, 10*time.Minute, false),
			doc: "How long an answer may take.",
		},
		{
			key: "http.idle_timeout", preset: "2m", set: span(&c.HTTP.IdleTimeout, time.Second, time.Hour, false),
			doc: "How long a connection may rest between requests.",
		},
		{
			key: "stop.delay", preset: "0s", set: span(&c.Stop.Delay, 0, 5*time.Minute, false),
			doc: "After SIGTERM: how long to go on serving while /readyz already says no, so that balancers notice.",
		},
		{
			key: "stop.deadline", preset: "10s", set: span(&c.Stop.Deadline, time.Second, 10*time.Minute, false),
			doc: "How long requests in flight may then take to end.",
		},
		{
			key: "internal.listen", preset: "127.0.0.1:9090", set: address(&c.Internal),
			doc: "The internal listener: /healthz, /readyz, /metrics. Never open it to the public.",
		},
		{
			key: "internal.profile", preset: "false", set: truth(&c.Profile),
			doc: "Whether it also serves /debug/pprof: what this program does with processor and memory.",
		},
		{
			key: "log.level", preset: "info", set: oneOf(&c.Log.Level, "debug", "info", "warn", "error"),
			doc: "The least level written: debug, info, warn, error.",
		},
		{
			key: "log.access", preset: "true", set: truth(&c.Log.Access),
			doc: "Whether to write a line for each request.",
		},
	}
}

func (c *config) storing() []option {
	return []option{
		{
			key: "database.url", example: "postgres://clave@db.iess.gob.ec/clave?sslmode=verify-full", set: databaseURL(&c.Database.URL),
			doc: "The address: postgres://… or, for one machine, sqlite:FILE.",
		},
		{
			key: "database.url_file", example: "secrets/database-url", set: c.databaseFile(&c.Database.URL),
			doc: "A file (mode 0600) that holds the URL, instead of database.url: it may hold a password.",
		},
		{
			key: "database.max_conns", preset: "16", set: number(&c.Database.MaxConns, 2, 1000),
			doc: "The most connections to PostgreSQL; on SQLite, readers.",
		},
		{
			key: "database.migrate", preset: "false", set: truth(&c.Database.Migrate),
			doc: "Whether serve brings an older schema up to date by itself, instead of refusing it.",
		},
		{
			key: "database.plaintext", preset: "false", set: truth(&c.Database.Plaintext),
			doc: "Whether PostgreSQL on another machine may be spoken to without a checked certificate.",
		},
		{
			key: "keys.current", required: true, example: "2026-11", set: text(&c.Keys.Current),
			doc: "The id of the key with which personal data, claves and signing keys are sealed from now on. Every replica must list it in keys.seal first.",
		},
		{
			key: "keys.seal", required: true, shape: pairs, example: "2026-11=keys/seal-2026-11", set: c.sealKeys,
			doc: "Every sealing key still needed: id and file (mode 0600, 32 random bytes in base64). Losing one loses what it sealed.",
		},
		{
			key: "keys.index_file", required: true, example: "keys/index", set: c.key(&c.Keys.Index),
			doc: "The key of the hashes by which people are found. Never change it.",
		},
		{
			key: "keys.pairwise_file", required: true, example: "keys/pairwise", set: c.key(&c.Keys.Pairwise),
			doc: "The key of the pairwise subject identifiers. Changing it makes everybody a stranger to every application.",
		},
		{
			key: "audit.key_file", required: true, example: "keys/audit", set: c.auditKey,
			doc: "The key (mode 0600, from clave audit key FILE) that signs the heads of the audit.",
		},
		{
			key: "audit.personal", preset: "90d", set: span(&c.Audit.Personal, day, 3650*day, false),
			doc: "How long network addresses stay whole in the audit; then a part of the network and the kind of device stay until 13 months after the event, and the rest of a row for good. The page /privacidad says 90 days.",
		},
	}
}

func (c *config) people() []option {
	return []option{
		{
			key: "clave.max_age", preset: "365d", set: span(&c.Clave.MaxAge, day, 3650*day, true),
			doc: "How long a clave is valid (D17); 0: until it is compromised.",
		},
		{
			key: "clave.spread", preset: "30d", set: span(&c.Clave.Spread, day, 365*day, true),
			doc: "By how much each due date comes earlier at most, for each person another part of it, never more than a quarter of max_age; 0: not at all.",
		},
		{
			key: "clave.waiver", preset: "15", set: number(&c.Clave.Waiver, 12, 64),
			doc: "Claves of at least so many characters do not expire (D17).",
		},
		{
			key: "clave.waive_passkey", preset: "true", set: truth(&c.Clave.WaivePasskey),
			doc: "Whether the clave of a person who has a passkey does not expire (D17).",
		},
		{
			key: "clave.history", preset: "5", set: number(&c.Clave.History, 1, 24),
			doc: "How many former claves a new one must differ from (S089).",
		},
		{
			key: "clave.min", preset: "8", set: number(&c.Clave.Min, 8, 64),
			doc: "The least length (S037).",
		},
		{
			key: "clave.max", preset: "64", set: number(&c.Clave.Max, 64, 256),
			doc: "The greatest length (D14).",
		},
		{
			key: "clave.mixed", preset: "true", set: truth(&c.Clave.Mixed),
			doc: "Whether a clave needs a letter and a digit (D14).",
		},
		{
			key: "clave.symbols", preset: "false", set: truth(&c.Clave.Symbols),
			doc: "Whether it may hold any printable character (DEV-1).",
		},
		{
			key: "clave.spanish", preset: "false", set: truth(&c.Clave.Spanish),
			doc: "Whether it may hold ñ and letters with accents (D14).",
		},
		{
			key: "login.attempts", preset: "5", set: number(&c.Login.Attempts, 1, 100),
			doc: "How many wrong claves lock (D02).",
		},
		{
			key: "login.lock_expires", preset: "0", set: span(&c.Login.LockExpires, 15*time.Minute, 365*day, true),
			doc: "How long such a lock lasts, or one after failed recoveries (D04); 0: until somebody lifts it. Officers' locks, and those of \"No fui yo\", stay.",
		},
		{
			key: "login.session_idle", preset: "15m", set: span(&c.Login.Idle, time.Minute, 12*time.Hour, false),
			doc: "How long a session outlives the last request.",
		},
		{
			key: "login.session_max", preset: "12h", set: span(&c.Login.Absolute, 5*time.Minute, 30*day, false),
			doc: "How long a session lives at most.",
		},
		{
			key: "login.shared_idle", preset: "5m", set: span(&c.Login.Shared.Idle, time.Minute, time.Hour, false),
			doc: "How long a session on a shared computer outlives the last request (T33); never longer than another.",
		},
		{
			key: "login.shared_max", preset: "30m", set: span(&c.Login.Shared.Absolute, 5*time.Minute, 12*time.Hour, false),
			doc: "How long such a session lives at most; never longer than another.",
		},
		{
			key: "login.device", preset: "180d", set: span(&c.Login.Device, day, 400*day, false),
			doc: "How long a browser is known as a person's own (D03).",
		},
	}
}

func (c *config) protocol() []option {
	return []option{
		{
			key: "tokens.code", preset: "60s", set: span(&c.Tokens.Code, 5*time.Second, time.Minute, false),
			doc: "How long an authorization code lives.",
		},
		{
			key: "tokens.access", preset: "10m", set: span(&c.Tokens.Access, time.Minute, time.Hour, false),
			doc: "An access token.",
		},
		{
			key: "tokens.id", preset: "10m", set: span(&c.Tokens.ID, time.Minute, time.Hour, false),
			doc: "An ID token.",
		},
		{
			key: "tokens.refresh", preset: "30d", set: span(&c.Tokens.Refresh, time.Hour, 365*day, false),
			doc: "A family of refresh tokens, however often it is used.",
		},
		{
			key: "tokens.request", preset: "10m", set: span(&c.Tokens.Request, 2*time.Minute, time.Hour, false),
			doc: "A running request: from the application to the last button.",
		},
		{
			key: "tokens.key_cache", preset: "10m", set: span(&c.Tokens.KeyCache, 10*time.Second, day, false),
			doc: "How long applications may keep the published keys, and trust a revoked one where they verify by themselves.",
		},
		{
			key: "tokens.key_life", preset: "90d", set: span(&c.Tokens.KeyLife, time.Minute, 1000*day, true),
			doc: "How long a key signs before the next one does, by itself; 0: until clave keys rotate.",
		},
	}
}

func (c *config) databaseFile(to *string) setter {
	return func(e entry) []fault {
		var s string
		if faults := c.secretFile(&s, absent)(e); faults != nil {
			return faults
		}
		return databaseURL(to)(entry{text: s})
	}
}

// databaseURL never repeats the text in a message: it may hold a password.
func databaseURL(to *string) setter {
	return func(e entry) []fault {
		const remedy = "write postgres://USER@HOST/NAME?sslmode=verify-full or sqlite:FILE"
		if file, embedded := strings.CutPrefix(e.text, "sqlite:"); embedded {
			if file == "" {
				return wrong(remedy, "names no file after sqlite:")
			}
			*to = e.text
			return nil
		}
		u, err := url.Parse(e.text)
		if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
			return wrong(remedy, "is neither a postgres:// nor a sqlite: address")
		}
		if _, err := url.ParseQuery(u.RawQuery); err != nil {
			return wrong(remedy, "has parameters that cannot be read")
		}
		if strings.Trim(u.Path, "/") == "" {
			return wrong(remedy, "names no database")
		}
		*to = e.text
		return nil
	}
}

// auditKey reads a signing key of golang.org/x/mod/sumdb/note.
func (c *config) auditKey(e entry) []fault {
	var s string
	if faults := c.secretFile(&s, "make it with: clave audit key FILE, or correct the name; clave config init makes one too")(e); faults != nil {
		return faults
	}
	if _, err := note.NewSigner(s); err != nil {
		return wrong("make a new one with: clave audit key FILE", "%s holds no key that signs", c.path(e.text))
	}
	c.Audit.Key = s
	return nil
}

func (c *config) sealKeys(e entry) []fault {
	var all []fault
	c.Keys.Seal = map[string][]byte{}
	for _, p := range e.pairs {
		if p.key == "" || len(p.key) > 32 {
			all = append(all, fault{p.where, "a key's id is empty or longer than 32 letters", "write ID: FILE"})
			continue
		}
		var key []byte
		for _, f := range c.key(&key)(entry{text: p.value}) {
			all = append(all, fault{p.where, p.key + ": " + f.what, f.remedy})
		}
		c.Keys.Seal[p.key] = key
	}
	return all
}

// encodeKey is a key as its file holds it.
func encodeKey(key []byte) string { return base64.StdEncoding.EncodeToString(key) + "\n" }
