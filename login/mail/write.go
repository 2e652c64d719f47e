package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"iess.gob.ec/clave/templates"
)

// letter is a mail before it is put into bytes.
type letter struct {
	id       string // the message's, from which its Message-ID comes
	to, lang string
	date     time.Time
	mail     templates.Mail
}

// writer puts letters into bytes. The same letter gives the same bytes.
type writer struct {
	pages         *templates.Pages
	from, replyTo *mail.Address
	host          string
}

func newWriter(cfg Config) (writer, error) {
	if cfg.Pages == nil {
		return writer{}, errors.New("mail: Pages is required")
	}
	w := writer{pages: cfg.Pages}
	var err error
	if w.host, err = issuerHost(cfg.Issuer); err != nil {
		return writer{}, err
	}
	if w.from, err = ParseFrom(cfg.From); err != nil {
		return writer{}, fmt.Errorf("from: %w", err)
	}
	if cfg.ReplyTo != "" {
		if w.replyTo, err = ParseFrom(cfg.ReplyTo); err != nil {
			return writer{}, fmt.Errorf("reply-to: %w", err)
		}
	}
	return w, nil
}

// messageID is that of every copy of the message with that id.
func (w writer) messageID(id string) string { return strings.ToLower(id) + "@" + w.host }

// write returns the whole mail: multipart/alternative, text and HTML, to one
// address, marked as what no machine should answer (RFC 3834 section 5).
func (w writer) write(l letter) ([]byte, error) {
	subject, text, html, err := w.pages.RenderMail(l.lang, l.mail)
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	if strings.ContainsAny(subject, "\r\n\x00") {
		return nil, errors.New("mail: a subject must be one line")
	}
	sum := sha256.Sum256([]byte("boundary " + l.id))
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithBoundary("clave-"+hex.EncodeToString(sum[:16])))
	m.FromMailAddress(w.from)
	if err := m.To(l.to); err != nil {
		return nil, fmt.Errorf("mail: recipient: %w", err)
	}
	if w.replyTo != nil {
		m.ReplyToMailAddress(w.replyTo)
	}
	m.Subject(subject)
	m.SetMessageIDWithValue(w.messageID(l.id))
	m.SetDateWithValue(l.date.UTC())
	m.SetGenHeader(gomail.HeaderContentLang, l.lang)
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "All")
	m.SetBodyString(gomail.TypeTextPlain, text)
	m.AddAlternativeString(gomail.TypeTextHTML, html)
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("mail: write: %w", err)
	}
	return b.Bytes(), nil
}
