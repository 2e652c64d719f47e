package main

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strconv"

	"iess.gob.ec/clave/cmd/demo/mailbox"
	"iess.gob.ec/clave/cmd/demo/rp"
	"iess.gob.ec/clave/login/mail"
	"iess.gob.ec/clave/templates"
)

// mailServer is where the provider hands its mail over: our own server, over
// SMTP as in production, but in the clear, since it never leaves the machine.
func (d *demo) mailServer() mail.Config {
	at := d.smtp.Addr().(*net.TCPAddr) //nolint:forcetypeassert // listen opened a TCP port
	return mail.Config{
		SMTP: mail.SMTP{Host: at.IP.String(), Port: at.Port, TLS: mail.TLSNone},
		From: "Clave IESS <clave@iess.example>", ReplyTo: "ayuda@iess.example",
	}
}

func (d *demo) mailboxURL() string { return "http://localhost:" + strconv.Itoa(d.port+4) }

// openMailbox makes the mailbox of everybody, with the mail of earlier runs.
func (d *demo) openMailbox() error {
	pages, err := templates.Parse(templates.Config{Issuer: d.issuer})
	if err != nil {
		return err
	}
	d.pages = pages
	c := mailbox.Config{
		Dir: filepath.Join(d.data, "mail"), Issuer: d.issuer, BaseURL: d.mailboxURL(), Pages: pages, Stylesheet: rp.Static(),
		People: func(ctx context.Context) ([]mailbox.Person, error) { return d.directory(ctx, people()) },
		Now:    d.now, Log: d.log,
	}
	if d.people > 0 {
		c.More = fmt.Sprintf("Además hay %d personas generadas, con la clave %s y el correo afiliado1@correo.example y siguientes. "+
			"Sus cédulas están en people.csv, en la carpeta de datos.", d.people, commonClave)
	}
	d.mailbox, err = mailbox.New(c)
	return err
}
