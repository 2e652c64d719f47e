package mailbox

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"

	"golang.org/x/text/encoding/htmlindex"
)

// content is what a message says. Nothing in it may be trusted.
type content struct {
	to        string // the envelope's address or, where there is none, that of the head; in lower case
	from      string
	subject   string
	messageID string
	lang      string    // Content-Language
	date      time.Time // zero where it cannot be read
	text      string
	html      string
}

// parse reads a message (RFC 5322, MIME). What is wrong in the body leaves out a
// part of it; without a head there is no message.
func parse(raw []byte) (content, error) {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return content{}, fmt.Errorf("mailbox: %w", err)
	}
	h := m.Header
	c := content{
		to: address(h.Get("Delivered-To")), from: words(h.Get("From")), subject: words(h.Get("Subject")), lang: h.Get("Content-Language"),
		messageID: strings.Trim(strings.TrimSpace(h.Get("Message-ID")), "<>"),
	}
	if c.to == "" {
		c.to = address(h.Get("To"))
	}
	if at, err := h.Date(); err == nil {
		c.date = at
	}
	c.part(h.Get("Content-Type"), h.Get("Content-Transfer-Encoding"), m.Body, 0)
	return c, nil
}

// part takes the first text and the first HTML out of a part and those in it.
func (c *content) part(kind, encoding string, body io.Reader, depth int) {
	media, params, err := mime.ParseMediaType(kind)
	if err != nil {
		media = "text/plain"
	}
	if strings.HasPrefix(media, "multipart/") {
		parts := multipart.NewReader(body, params["boundary"])
		for depth < 5 {
			p, err := parts.NextRawPart()
			if err != nil {
				return
			}
			c.part(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p, depth+1)
		}
		return
	}
	to := &c.text
	if media == "text/html" {
		to = &c.html
	} else if media != "text/plain" {
		return
	}
	if *to == "" {
		*to = decode(body, encoding, params["charset"])
	}
}

func decode(body io.Reader, encoding, charset string) string {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	b, _ := io.ReadAll(body) // what could be read is shown
	if named, err := htmlindex.Get(charset); err == nil {
		if utf8, err := named.NewDecoder().Bytes(b); err == nil {
			b = utf8
		}
	}
	return strings.ReplaceAll(strings.ToValidUTF8(string(b), "\ufffd"), "\r\n", "\n")
}

// words decodes a field of the head (RFC 2047).
func words(field string) string {
	d := mime.WordDecoder{CharsetReader: func(charset string, r io.Reader) (io.Reader, error) {
		named, err := htmlindex.Get(charset)
		if err != nil {
			return nil, errors.New("unknown charset")
		}
		return named.NewDecoder().Reader(r), nil
	}}
	if s, err := d.DecodeHeader(field); err == nil {
		field = s
	}
	return oneLine(strings.ToValidUTF8(field, "\ufffd"))
}

// address is the first one of a field, in lower case.
func address(field string) string {
	if all, err := mail.ParseAddressList(field); err == nil && len(all) > 0 {
		field = all[0].Address
	}
	return strings.ToLower(oneLine(strings.TrimSpace(strings.ToValidUTF8(field, "\ufffd"))))
}
