package main

import (
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login/mail"
)

// TestD02_ConfigurationReachesItsPackages gives each key a value of its own and
// finds it where it works.
func TestD02_ConfigurationReachesItsPackages(t *testing.T) {
	dir := configDir(t)
	c, problems := parseConfig(filepath.Join(dir, "clave.yaml"), []byte(right), []string{
		"CLAVE_LOGIN_ATTEMPTS=3", "CLAVE_LOGIN_SESSION_IDLE=11m", "CLAVE_LOGIN_SESSION_MAX=13h", "CLAVE_LOGIN_DEVICE=17d",
		"CLAVE_LOGIN_SHARED_IDLE=4m", "CLAVE_LOGIN_SHARED_MAX=19m",
		"CLAVE_CLAVE_MAX_AGE=190d", "CLAVE_CLAVE_SPREAD=89d", "CLAVE_UNLOCK_LINK_LIFE=97s", "CLAVE_UNLOCK_LIMIT=11", "CLAVE_UNLOCK_WINDOW=101m",
		"CLAVE_UNLOCK_FINGERPRINT=false", "CLAVE_NOTICES_NEW_DEVICE_WAIT=103s", "CLAVE_RECOVERY_CONTACT_WAIT=71h", "CLAVE_PRESSURE_ALARM_TIMES=4", "CLAVE_PRESSURE_ALARM_LEAST=107", "CLAVE_CLAVE_HISTORY=7", "CLAVE_CLAVE_MIN=9", "CLAVE_CLAVE_MAX=65", "CLAVE_CLAVE_WAIVER=21", "CLAVE_CLAVE_WAIVE_PASSKEY=false",
		"CLAVE_CLAVE_MIXED=false", "CLAVE_CLAVE_SYMBOLS=true", "CLAVE_CLAVE_SPANISH=true",
		"CLAVE_HASH_MEMORY=23000", "CLAVE_HASH_PASSES=3", "CLAVE_HASH_LANES=2", "CLAVE_HASH_SLOTS=5", "CLAVE_HASH_QUEUE=29", "CLAVE_HASH_WAIT=3s",
		"CLAVE_TOKENS_CODE=31s", "CLAVE_TOKENS_ACCESS=37m", "CLAVE_TOKENS_ID=41m", "CLAVE_TOKENS_REFRESH=43d", "CLAVE_TOKENS_REQUEST=47m",
		"CLAVE_TOKENS_KEY_CACHE=53m", "CLAVE_TOKENS_KEY_LIFE=109d", "CLAVE_HTTP_HEADER_TIMEOUT=5s", "CLAVE_HTTP_BODY_TIMEOUT=7s", "CLAVE_HTTP_WRITE_TIMEOUT=59s",
		"CLAVE_HTTP_IDLE_TIMEOUT=61s", "CLAVE_STOP_DELAY=2s", "CLAVE_STOP_DEADLINE=67s", "CLAVE_LOG_ACCESS=false", "CLAVE_AUDIT_PERSONAL=71d",
		"CLAVE_DATABASE_MAX_CONNS=73", "CLAVE_DATABASE_MIGRATE=true", "CLAVE_CONTACT_PHONE=140", "CLAVE_CONTACT_CHANNELS=video=https://video.example",
		"CLAVE_CONTACT_CONTROLLER_ADDRESS=Quito", "CLAVE_CONTACT_CONTROLLER_EMAIL=a@iess.example",
		"CLAVE_CONTACT_DELEGATE_ADDRESS=Cuenca", "CLAVE_CONTACT_DELEGATE_EMAIL=b@iess.example",
		"CLAVE_PROXY_TRUSTED=10.0.0.1", "CLAVE_PROXY_HEADER=X-Real-IP", "CLAVE_PROXY_CERTIFICATE_HEADER=Client-Cert",
		"CLAVE_MTLS_ORIGIN=https://mtls.example", "CLAVE_MTLS_CA_FILE=good.pem",
		"CLAVE_SMTP_HOST=mail.example", "CLAVE_SMTP_PORT=2525", "CLAVE_SMTP_TLS=implicit", "CLAVE_SMTP_CA_FILE=good.pem", "CLAVE_SMTP_USERNAME=clave",
		"CLAVE_SMTP_PASSWORD_FILE=words", "CLAVE_SMTP_FROM=IESS <c@iess.example>", "CLAVE_SMTP_REPLY_TO=d@iess.example", "CLAVE_SMTP_TIMEOUT=53s",
		"CLAVE_LOGOUT_NETWORKS=10.20.0.0/16", "CLAVE_LOGOUT_CA_FILE=good.pem", "CLAVE_LOGOUT_TIMEOUT=7s", "CLAVE_LOGOUT_GIVE_UP=5h",
	})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	s, err := c.server(program{now: time.Now}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	const day = 24 * time.Hour
	for name, is := range map[string]bool{
		"attempts":  s.Login.Lockout.Attempts == 3 && s.Pages.Attempts == 3,
		"sessions":  s.Login.Idle == 11*time.Minute && s.Login.Absolute == 13*time.Hour && s.Login.DeviceLife == 17*day,
		"renewal":   s.Login.Renewal.MaxAge == 190*day && s.Login.Renewal.Spread == 89*day && s.Login.Renewal.Waiver == 21 && !s.Login.Renewal.Passkey && s.Login.History == 7,
		"shared":    s.Login.SharedIdle == 4*time.Minute && s.Login.SharedAbsolute == 19*time.Minute,
		"policy":    s.Login.Policy.Min == 9 && s.Login.Policy.Max == 65 && !s.Login.Policy.Mixed && s.Login.Policy.Symbols && s.Login.Policy.Spanish,
		"unlock":    s.Login.UnlockLife == 97*time.Second && s.Login.UnlockLimit == 11 && s.Login.UnlockWindow == 101*time.Minute && s.Login.UnlockAnyone,
		"waits":     s.Login.ContactWait == 71*time.Hour,
		"alarm":     s.Login.Alarm.Times == 4 && s.Login.Alarm.Least == 107 && s.Login.Alarm.Hold == 10*time.Minute,
		"notices":   s.Login.NewDeviceWait == 103*time.Second,
		"hash":      s.Hash.Memory == 23000 && s.Hash.Passes == 3 && s.Hash.Lanes == 2,
		"slots":     s.Hash.Slots == 5 && s.Hash.Queue == 29 && s.Hash.Wait == 3*time.Second,
		"tokens":    s.Provider.CodeLife == 31*time.Second && s.Provider.AccessLife == 37*time.Minute && s.Provider.IDTokenLife == 41*time.Minute,
		"lifetimes": s.Provider.RefreshLife == 43*day && s.Provider.RequestLife == 47*time.Minute && s.Provider.KeyCache == 53*time.Minute && s.Provider.KeyLife == 109*day,
		"timeouts": s.Timeouts.Header == 5*time.Second && s.Timeouts.Body == 7*time.Second && s.Timeouts.Write == 59*time.Second &&
			s.Timeouts.Idle == 61*time.Second,
		"stop":     s.StopDelay == 2*time.Second && s.StopDeadline == 67*time.Second,
		"log":      !s.AccessLog,
		"audit":    s.AuditPersonal == 71*day && s.Audit != nil,
		"database": s.Storage.MaxConns == 73 && s.Migrate,
		"contact": s.Pages.Phone == "140" && len(s.Pages.Channels) == 1 && s.Pages.Channels[0].URL == "https://video.example" &&
			s.Pages.Controller.Address == "Quito" && s.Pages.Controller.Email == "a@iess.example" &&
			s.Pages.Delegate.Address == "Cuenca" && s.Pages.Delegate.Email == "b@iess.example",
		"mail": s.Mail.SMTP.Host == "mail.example" && s.Mail.SMTP.Port == 2525 && s.Mail.SMTP.TLS == mail.TLSImplicit && s.Mail.SMTP.Roots != nil &&
			s.Mail.SMTP.Username == "clave" && s.Mail.SMTP.Password == "this is not base64!" && s.Mail.SMTP.Timeout == 53*time.Second &&
			s.Mail.From == "IESS <c@iess.example>" && s.Mail.ReplyTo == "d@iess.example",
		"proxy": len(s.Proxy.Trusted) == 1 && s.Proxy.Header == "X-Real-IP" && s.Proxy.Certificate == "Client-Cert",
		"mtls":  s.MTLSOrigin == "https://mtls.example" && s.Provider.ClientCAs != nil,
		"logout": len(s.Provider.Logouts.Networks) == 1 && s.Provider.Logouts.Roots != nil && s.Provider.Logouts.Timeout == 7*time.Second &&
			s.Provider.Logouts.GiveUp == 5*time.Hour && len(s.Provider.ClientKeys.Networks) == 1 && s.Provider.ClientKeys.Roots != nil,
		"keys": s.Storage.Keys.Current == "a" && len(s.Storage.Keys.Seal["a"]) == 32,
	} {
		if !is {
			t.Errorf("%s: not what the configuration says", name)
		}
	}
}

func TestLogLevel(t *testing.T) {
	var out output
	log := newLog(io.MultiWriter(&out), "warn")
	log.Info("quiet")
	log.Warn("loud", "took", 1500*time.Microsecond)
	if got := out.String(); strings.Contains(got, "quiet") || !strings.Contains(got, `"took_ms":1.5`) || !strings.Contains(got, `Z","level":"WARN"`) {
		t.Errorf("got %s, want the loud line, in UTC, with milliseconds", got)
	}
}

func TestProgressAfterTwoSeconds(t *testing.T) {
	var out output
	now := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	p := newProgress(&out, func() time.Time { return now }, "import")
	for range 30 {
		p.at(1, 100)
		now = now.Add(50 * time.Millisecond)
	}
	if got := out.String(); got != "" {
		t.Errorf("within two seconds: got %q, want nothing", got)
	}
	now = now.Add(10 * time.Second)
	p.at(50, 100)
	p.at(51, 100)
	if got, want := out.String(), "import: 50 %, 12s left\n"; got != want {
		t.Errorf("got %q, want %q, once", got, want)
	}
	now = now.Add(10 * time.Second)
	p.alive()
	p.alive()
	if got, want := out.String(), "import: 50 %, 12s left\nimport: at it for 22s\n"; got != want {
		t.Errorf("got %q, want %q, once", got, want)
	}
	now = now.Add(time.Hour)
	p.at(0, 0) // nothing to show of an empty file
	p.terminal = true
	p.at(100, 100)
	p.end()
	if got := out.String(); !strings.Contains(got, "\rimport [####################] 100 %") || !strings.HasSuffix(got, "\n") {
		t.Errorf("on a terminal: got %q, want the whole bar and a new line", got)
	}
}
