package main

import (
	"context"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"iess.gob.ec/clave/login/mail"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

func (c *config) mailing() []option {
	return []option{
		{
			key: "smtp.host", example: "smtp.iess.gob.ec", set: text(&c.SMTP.Host),
			doc: "The mail server that takes our mail. Without one clave serves, and its messages wait.",
		},
		{
			key: "smtp.port", preset: "0", set: number(&c.SMTP.Port, 0, 65535),
			doc: "Its port; 0: 587, or 465 where tls is implicit, or 25 where it is none.",
		},
		{
			key: "smtp.tls", preset: "starttls", set: oneOf(&c.SMTP.TLS, "starttls", "implicit", "none"),
			doc: "starttls or implicit, required either way; none for a server on this machine only.",
		},
		{
			key: "smtp.ca_file", example: "tls/mail-ca.pem", set: c.roots(&c.SMTP.Roots),
			doc: "Certificates in PEM that vouch for it, instead of those of the system.",
		},
		{
			key: "smtp.username", example: "clave", set: text(&c.SMTP.Username),
			doc: "The user to authenticate as, where it wants one.",
		},
		{
			key: "smtp.password_file", example: "secrets/smtp-password", set: c.secretFile(&c.SMTP.Password, absent),
			doc: "A file (mode 0600) that holds that user's password.",
		},
		{
			key: "smtp.from", example: "IESS Clave <clave@iess.gob.ec>", set: sender(&c.SMTP.From),
			doc: "Who writes, and where bounces go: one address, with a name or without.",
		},
		{
			key: "smtp.reply_to", example: "ayuda@iess.gob.ec", set: sender(&c.SMTP.ReplyTo),
			doc: "Where answers go, if not there.",
		},
		{
			key: "smtp.timeout", preset: "30s", set: span(&c.SMTP.Timeout, time.Second, mail.MaxTimeout, false),
			doc: "How long connecting may take, then the greeting with TLS and authentication, then each message.",
		},
	}
}

func sender(to *string) setter {
	return func(e entry) []fault {
		if _, err := mail.ParseFrom(e.text); err != nil {
			return wrong("write one address, such as IESS Clave <clave@iess.gob.ec>", "%q is not an address", clip(e.text))
		}
		*to = e.text
		return nil
	}
}

func (c *config) roots(to **x509.CertPool) setter {
	return func(e entry) []fault {
		var name string
		if faults := c.fileName(&name, false)(e); faults != nil {
			return faults
		}
		pem, err := os.ReadFile(name) //nolint:gosec // the operator names it
		if err != nil {
			return wrong("let this user read it", "%v", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return wrong("write certificates in PEM", "%s holds no certificate", name)
		}
		*to = pool
		return nil
	}
}

// mail finds what is wrong between the keys of the mail server (ASVS 12.3.3).
func (r *reader) mail(c *config) {
	r.both("smtp.host", "smtp.from")
	r.both("smtp.username", "smtp.password_file")
	if c.SMTP.Host == "" {
		return
	}
	if c.SMTP.TLS == "none" && !loopback(c.SMTP.Host) {
		r.refuse("smtp.tls", "would send mail to another machine in the clear", "write starttls or implicit")
	}
	if c.Issuer == nil || c.SMTP.From == "" || r.mentioned("smtp.tls") {
		return
	}
	if err := mail.Check(c.mail()); err != nil {
		r.refuse("smtp.host", strings.TrimPrefix(err.Error(), "mail: "), "write the server's host name alone, such as smtp.iess.gob.ec")
	}
}

// mail is the mail server as the worker takes it; no host: none.
func (c *config) mail() mail.Config {
	return mail.Config{
		Issuer: c.Issuer.String(), From: c.SMTP.From, ReplyTo: c.SMTP.ReplyTo,
		SMTP: mail.SMTP{
			Host: c.SMTP.Host, Port: c.SMTP.Port, TLS: mail.TLS(c.SMTP.TLS), Username: c.SMTP.Username, Password: c.SMTP.Password,
			Roots: c.SMTP.Roots, Timeout: c.SMTP.Timeout,
		},
	}
}

// tryMail sends a message of trial past the outbox.
func (c *commands) tryMail(ctx context.Context, cfg *config, address string) *problem {
	found := func(what, remedy string) *problem {
		return &problem{filepath.Base(c.configFile), "smtp.host", what, remedy}
	}
	if cfg.SMTP.Host == "" {
		return found("is missing: there is no mail server to try", "write host: smtp.iess.gob.ec below smtp")
	}
	pages, err := templates.Parse(cfg.pages())
	if err != nil {
		return found(err.Error(), "report it")
	}
	mc := cfg.mail()
	mc.Pages = pages
	ctx, cancel := context.WithTimeout(ctx, 3*cfg.SMTP.Timeout) // connecting, greeting, message
	defer cancel()
	id, err := mail.Test(ctx, mc, address, templates.Languages()[0], c.now())
	switch {
	case errors.Is(err, storage.ErrEmail):
		return found("the address after -send is not one", "write one plain address")
	case err != nil:
		what := strings.ReplaceAll(strings.TrimPrefix(err.Error(), "mail: "), "\n", "; ")
		return found("the mail server did not take the message: "+what, "correct what it names, or ask whoever runs that server")
	}
	c.printf("%s took the message %s\n", cfg.SMTP.Host, id)
	return nil
}
