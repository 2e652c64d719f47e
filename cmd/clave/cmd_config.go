package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"iess.gob.ec/clave/storage"
)

func (c *commands) config() *cobra.Command {
	cmd := group(&cobra.Command{Use: "config", Short: "Check the configuration, or make one"})
	var issuer, database string
	initialise := &cobra.Command{
		Use: "init DIR", Short: "Write a clave.yaml that works, with fresh key files, into DIR", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return c.configInit(args[0], issuer, database) },
	}
	initialise.Flags().StringVar(&issuer, "issuer", "http://localhost:8080", "where people will find it")
	initialise.Flags().StringVar(&database, "database", "sqlite:clave.db", "postgres://… or sqlite:FILE")
	var address string
	check := &cobra.Command{
		Use: "check", Short: "Name every mistake in it, with its line and remedy, and try the database", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.configCheck(cmd.Context(), address) },
	}
	check.Flags().StringVar(&address, "send", "", "send a message of trial to this ADDRESS too")
	cmd.AddCommand(check,
		&cobra.Command{
			Use: "example", Short: "Print every key with what it does and its default", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error { return writeExample(c.stdout, nil) },
		},
		&cobra.Command{
			Use: "key FILE", Short: "Write a fresh key (32 random bytes in base64, mode 0600) to FILE", Args: cobra.ExactArgs(1),
			RunE: func(_ *cobra.Command, args []string) error { return writeKey(args[0]) },
		},
		initialise)
	return cmd
}

func (c *commands) configCheck(ctx context.Context, address string) error {
	cfg, err := c.loadServing()
	if err != nil {
		return err
	}
	if p := c.checkDatabase(ctx, cfg); p != nil {
		return failure{*p}
	}
	if address != "" {
		if p := c.tryMail(ctx, cfg, address); p != nil {
			return failure{*p}
		}
	} else if cfg.SMTP.Host == "" {
		say(c.stderr, "%s: smtp.host is missing: clave serves, but its messages wait until a mail server is named\n", c.configFile)
	}
	c.printf("%s is in order\n", c.configFile)
	return nil
}

// checkDatabase tries what the configuration says of the database.
func (c *commands) checkDatabase(ctx context.Context, cfg *config) *problem {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	found := func(what, remedy string) *problem {
		return &problem{filepath.Base(c.configFile), "database.url", what, remedy}
	}
	if name, embedded := strings.CutPrefix(cfg.Database.URL, "sqlite:"); embedded {
		if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
			return found("there is no database yet", c.migrateUpLine())
		}
	}
	db, err := storage.Open(ctx, cfg.storage())
	if err != nil {
		return found("the database does not answer: "+withoutPassword(err, cfg.Database.URL), "start it, or correct address, user and password")
	}
	defer db.Close() //nolint:errcheck // only read
	switch err := db.CheckSchema(ctx); {
	case errors.Is(err, storage.ErrSchema):
		return found(strings.TrimPrefix(err.Error(), "storage: "), c.migrateUpLine())
	case err != nil:
		return found("its schema cannot be read: "+withoutPassword(err, cfg.Database.URL), "let its user read it")
	}
	return nil
}

// withoutPassword keeps the URL's password out of an error somebody else wrote.
func withoutPassword(err error, address string) string {
	s := strings.TrimPrefix(err.Error(), "storage: open: ")
	if u, perr := url.Parse(address); perr == nil {
		s = strings.ReplaceAll(s, address, u.Redacted())
		if password, set := u.User.Password(); set && password != "" {
			s = strings.ReplaceAll(s, password, "xxxxx")
		}
	}
	return strings.ReplaceAll(s, "\n", "; ")
}

// writeKey makes a key file; it never overwrites one, which could be the only copy.
func writeKey(name string) error {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	return create(name, encodeKey(key))
}

func create(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names it
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already; name another file, or move it away", name)
	}
	if err != nil {
		return err
	}
	if _, err := io.WriteString(f, text); err != nil {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// configInit makes a folder from which clave serve starts.
func (c *commands) configInit(dir, issuerURL, database string) error {
	var u *url.URL
	for _, f := range issuer(&u)(entry{text: issuerURL}) {
		return usageError{"config init: -issuer: " + f.what + "; " + f.remedy}
	}
	var address string
	for _, f := range databaseURL(&address)(entry{text: database}) {
		return usageError{"config init: -database: " + f.what + "; " + f.remedy}
	}
	id := c.now().UTC().Format("2006-01")
	values := map[string]string{
		"issuer": issuerURL, "database.url": database, "keys.current": id, "keys.seal": id + "=keys/seal-" + id,
		"keys.index_file": "keys/index", "keys.pairwise_file": "keys/pairwise", "audit.key_file": "keys/audit",
	}
	if u.Scheme == "http" && u.Port() != "" {
		values["listen"] = "127.0.0.1:" + u.Port()
	}
	if u.Scheme == "https" {
		values["tls.cert_file"], values["tls.key_file"], values["listen"] = "tls/cert.pem", "tls/key.pem", ":443"
	}
	if err := os.MkdirAll(filepath.Join(dir, "keys"), 0o700); err != nil {
		return err
	}
	for _, name := range []string{"seal-" + id, "index", "pairwise"} {
		if err := writeKey(filepath.Join(dir, "keys", name)); err != nil {
			return err
		}
	}
	if _, err := writeAuditKey(filepath.Join(dir, "keys", "audit"), u.Hostname()+"/audit"); err != nil {
		return err
	}
	var text strings.Builder
	if err := writeExample(&text, values); err != nil {
		return err
	}
	file := filepath.Join(dir, "clave.yaml")
	if err := create(file, text.String()); err != nil {
		return err
	}
	_, problems := loadConfig(file, nil)
	for _, p := range problems { // what only the operator can give: a certificate
		say(c.stderr, "%v\n", p)
	}
	c.printf("wrote %s and its keys. Keep a copy of the keys in a safe place: what they sealed is lost without them.\n"+
		"Next: clave migrate up -config %s, then clave serve -config %s\n", file, file, file)
	return nil
}

// writeExample prints the configuration file: the keys of values as given, all
// others as comments with their defaults. A nil map shows the examples.
func writeExample(w io.Writer, values map[string]string) error {
	b := bufio.NewWriter(w) // keeps the first error for Flush
	say(b, "# Clave IESS. What stands behind # is the default, or an example where there is none.\n"+
		"# Each key may be overridden by the environment: database.url by %s.\n", variable("database.url"))
	section := ""
	for _, o := range new(config).options() {
		head, _, nested := strings.Cut(o.key, ".")
		indent := ""
		if nested {
			indent = "  "
			if head != section {
				say(b, "\n%s%s:\n", commented(!used(values, head)), head)
			}
		} else {
			say(b, "\n")
		}
		section = head
		value, given := values[o.key]
		if values == nil && o.required {
			value, given = o.example, true
		}
		if given {
			o.preset, o.example = value, value
		}
		say(b, "%s# %s\n%s%s%s\n", indent, o.doc, indent, commented(!given), o.sample())
	}
	return b.Flush()
}

// used reports whether a section has a key that is not a comment.
func used(values map[string]string, section string) bool {
	for key := range values {
		if strings.HasPrefix(key, section+".") {
			return true
		}
	}
	return values == nil && (section == "keys" || section == "audit")
}

func commented(is bool) string {
	if is {
		return "# "
	}
	return ""
}
