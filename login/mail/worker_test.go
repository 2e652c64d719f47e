package mail_test

import (
	"bytes"
	"context"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login/mail"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
	"iess.gob.ec/clave/templates"
)

// parts are the headers and the two forms of a mail.
func parts(t *testing.T, raw []byte) (netmail.Header, string, string) {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("got %s, %v; want multipart/alternative", kind, err)
	}
	r := multipart.NewReader(m.Body, params["boundary"])
	var texts []string
	for _, want := range []string{"text/plain; charset=UTF-8", "text/html; charset=UTF-8"} {
		p, err := r.NextPart() // undoes quoted-printable
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Header.Get("Content-Type"); got != want {
			t.Errorf("got part %q, want %q", got, want)
		}
		var b bytes.Buffer
		if _, err := b.ReadFrom(p); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, b.String())
	}
	return m.Header, texts[0], texts[1]
}

func TestS072_MailWithALink(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		s := build(t, db, serve(t, "starttls"))
		a := s.person(1)
		m := s.enqueueUnlock(a)
		s.clock.add(10 * time.Minute) // late, as under greylisting
		s.deliver()
		mails := s.server.taken()
		if len(mails) != 1 || !mails[0].tls || mails[0].from != "clave@iess.example" || len(mails[0].to) != 1 || mails[0].to[0] != a.Email {
			t.Fatalf("got %+v, want one mail over TLS to her alone", mails)
		}
		h, text, html := parts(t, mails[0].raw)
		for name, want := range map[string]string{
			"To": "<" + a.Email + ">", "From": `"IESS Clave" <clave@iess.example>`, "Reply-To": "<ayuda@iess.example>", "Auto-Submitted": "auto-generated",
			"Message-Id": "<" + strings.ToLower(m.ID) + "@clave.example>", "Date": "Sun, 22 Nov 2026 17:10:00 +0000", "Mime-Version": "1.0",
			"Content-Language": "es-EC",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		link := issuer + "/enlace/" + db.LinkToken(m.LinkID)
		code := db.LinkCode(m.LinkID)
		for form, body := range map[string]string{"text": text, "HTML": html} {
			if !strings.Contains(body, link) || !strings.Contains(body, "12:13") || !strings.Contains(strings.ReplaceAll(body, " ", ""), code) {
				t.Errorf("%s: lacks link, code or the time it ends: %s", form, body)
			}
		}
		if got := s.message(m.ID); got.State != storage.MessageSent || got.Hash != storage.Hash(string(mails[0].raw)) || len(got.Data) != 0 {
			t.Errorf("got %+v, want it sent, with the hash of what was sent", got)
		}
		l := s.link(m.LinkID)
		if !l.DeliveredAt.Equal(s.clock.now()) || !l.ExpiresAt.Equal(s.clock.now().Add(3*time.Minute)) {
			t.Errorf("got %+v, want its clock started at hand-over", l)
		}
		s.deliver()
		if n := len(s.server.taken()); n != 1 {
			t.Errorf("%d mails, want one", n)
		}
	})
}

// T16: whatever a person's data say, every address in a mail is below the issuer.
func TestT16_T26_ASVS_1_3_11_NothingGetsIntoAHeader(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		s := build(t, db, serve(t, "starttls"))
		evil := "Eva\r\nBcc: eva@example.org\r\n\r\n<img src=https://evil.example/x> https://evil.example/"
		a := storagetest.AddAfiliado(t, db, storage.Afiliado{GivenName: evil, Email: "p@example.ec"})
		for _, m := range []templates.Mail{
			templates.MailClaveChanged{Name: evil, Network: evil, Device: evil, When: s.clock.now()},
			templates.MailNewDevice{Name: evil, Application: evil, Device: evil, When: s.clock.now()},
		} {
			draft := s.draft(a, m)
			draft.Locale = evil
			s.enqueue(draft)
		}
		s.deliver()
		mails := s.server.taken()
		if len(mails) != 2 {
			t.Fatalf("got %d mails, want two: %s", len(mails), s.log)
		}
		for _, m := range mails {
			h, text, html := parts(t, m.raw)
			if len(m.to) != 1 || h.Get("Bcc") != "" || len(h["To"]) != 1 || h.Get("To") != "<p@example.ec>" {
				t.Errorf("got recipients %q and %q, want one", m.to, h)
			}
			for name, values := range h {
				for _, v := range values {
					if strings.Contains(v, "eva@") || strings.Contains(v, "evil") {
						t.Errorf("header %s holds %q", name, v)
					}
				}
			}
			if strings.Contains(text+html, "https://evil.example") || strings.Contains(html, "<img src=https") {
				t.Errorf("a link or picture of a stranger's got in:\n%s\n%s", text, html)
			}
		}
	})
	for _, from := range []string{"", "clave", "a@example.ec, b@example.ec", "a@example.ec\r\nBcc: b@example.ec", "\"x\r\ny\" <a@example.ec>", "a b@example.ec"} {
		if a, err := mail.ParseFrom(from); err == nil {
			t.Errorf("From %q: got %v, want it refused", from, a)
		}
	}
}

// The program dies between the server's 250 and the note of it: the same mail
// goes again, to the byte, and mailboxes show one.
func TestFT07_ARepeatIsIdentical(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		for _, after := range []time.Duration{30 * time.Second, 10 * time.Minute} {
			s := build(t, db, serve(t, "starttls"), func(c *mail.Config) { c.Connections = 1 })
			a := s.person(int(after.Seconds()))
			m, n := s.enqueueUnlock(a), s.enqueue(s.notice(a))
			s.server.behave(func(srv *server) {
				srv.onTaken = func() { // another worker thinks this one dead
					at := s.clock.now().Add(5 * time.Minute)
					if _, err := db.LeaseMessages(context.WithoutCancel(t.Context()), 10, at, at.Add(-5*time.Minute)); err != nil {
						t.Error(err)
					}
				}
			})
			s.deliver()
			if l := s.link(m.LinkID); !l.DeliveredAt.IsZero() || s.message(m.ID).State != storage.MessagePending {
				t.Fatalf("got %+v, want nothing noted", l)
			}
			s.server.behave(func(srv *server) { srv.onTaken = nil })
			s.clock.add(after)
			s.deliver()
			byID := map[string][][]byte{}
			for _, got := range s.server.taken() {
				id := got.header(t, "Message-Id")
				byID[id] = append(byID[id], got.raw)
			}
			if len(byID) != 2 {
				t.Fatalf("got %d Message-IDs, want two", len(byID))
			}
			for id, copies := range byID {
				same := len(copies) == 2 && bytes.Equal(copies[0], copies[1])
				dead := after > 3*time.Minute && strings.Contains(id, strings.ToLower(m.ID)) // only then it is written anew
				if len(copies) != 2 || same == dead {
					t.Errorf("%s after %v: got %d copies, the same: %v", id, after, len(copies), same)
				}
			}
			if !s.link(m.LinkID).ExpiresAt.Equal(s.clock.now().Add(3*time.Minute)) || s.message(n.ID).State != storage.MessageSent {
				t.Errorf("after %v: the second copy was not noted", after)
			}
			if !strings.Contains(s.log.String(), "mail lease was lost") {
				t.Error("nothing says that a mail may have gone twice")
			}
		}
	})
}

func TestT12_ADeadLinkIsNotSent(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		s := build(t, db, serve(t, "starttls"))
		for i, tt := range []struct {
			name string
			do   func(*storage.Tx, storage.Message) error
			wait time.Duration
			want string
		}{
			{"waits", nil, 58 * time.Minute, storage.MessageSent},
			{"less than a minute left", nil, 59*time.Minute + time.Second, storage.MessageExpired},
			{"an hour old", nil, 61 * time.Minute, storage.MessageExpired},
			{"used", func(tx *storage.Tx, m storage.Message) error {
				_, err := tx.UseLink(t.Context(), m.LinkID, s.clock.now())
				return err
			}, 0, storage.MessageExpired},
			{"killed", func(tx *storage.Tx, m storage.Message) error {
				return tx.KillLinks(t.Context(), m.AfiliadoID, "", s.clock.now())
			}, 0, storage.MessageExpired},
		} {
			m := s.enqueueUnlock(s.person(i))
			if tt.do != nil {
				storagetest.InTx(t, db, func(tx *storage.Tx) error { return tt.do(tx, m) })
			}
			s.clock.add(tt.wait)
			before := len(s.server.taken())
			s.deliver()
			if got := s.message(m.ID).State; got != tt.want || (len(s.server.taken()) > before) != (tt.want == storage.MessageSent) {
				t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
			}
		}
		old := s.notice(s.person(100))
		old.ExpiresAt = storage.At(s.clock.now())
		s.enqueue(old)
		s.deliver()
		if got := s.message(old.ID).State; got != storage.MessageExpired {
			t.Errorf("a message of no use: got %s, want expired", got)
		}
	})
}

// A notice goes out even where its "No fui yo" was used already: without it.
func TestANoticeGoesWithoutItsLink(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		s := build(t, db, serve(t, "starttls"))
		a := s.person(1)
		l := storage.Link{
			ID: storage.NewID(), Purpose: storage.LinkNoFuiYo, AfiliadoID: a.ID, Life: 10 * 24 * time.Hour,
			CreatedAt: storage.At(s.clock.now()), LatestAt: storage.At(s.clock.now().Add(11 * 24 * time.Hour)),
		}
		storagetest.InTx(t, db, func(tx *storage.Tx) error { return tx.AddLink(t.Context(), l) })
		link := issuer + "/enlace/" + db.LinkToken(l.ID)
		for _, want := range []bool{true, false} {
			m := s.notice(a)
			m.LinkID = l.ID
			s.enqueue(m)
			s.deliver()
			mails := s.server.taken()
			_, text, html := parts(t, mails[len(mails)-1].raw)
			if strings.Contains(text, link) != want || strings.Contains(html, link) != want {
				t.Errorf("the link is there: %v, want %v", !want, want)
			}
			storagetest.InTx(t, db, func(tx *storage.Tx) error {
				_, err := tx.UseLink(t.Context(), l.ID, s.clock.now())
				return err
			})
		}
		if n := len(s.server.taken()); n != 2 {
			t.Errorf("%d notices, want two", n)
		}
	})
}

// A person is written to in her language, and a message this program does not
// know waits for one that does.
func TestLanguageAndUnknownTemplate(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, db *storage.DB) {
		s := build(t, db, serve(t, "starttls"))
		english := s.notice(s.person(1))
		english.Locale = "en"
		s.enqueue(english)
		strange := s.notice(s.person(2))
		strange.Template = "manana"
		s.enqueue(strange)
		s.deliver()
		mails := s.server.taken()
		if len(mails) != 1 || mails[0].header(t, "Content-Language") != "en" {
			t.Fatalf("got %d mails, want the English one", len(mails))
		}
		if got := s.message(strange.ID); got.State != storage.MessagePending || got.Attempts != 1 || got.LastError != "template" {
			t.Errorf("got %+v, want it put off", got)
		}
	})
}
