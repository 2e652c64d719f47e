package mailbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/emersion/go-smtp"
)

// maxMessage bounds what the mail server takes, in bytes; the provider's mails
// have some 15,000.
const maxMessage = 1 << 20

// Receive takes mail on l (SMTP, RFC 5321) until ctx is done. It says 250 when
// the message lies in the folder. It closes l.
func (b *Mailbox) Receive(ctx context.Context, l net.Listener) error {
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{box: b}, nil }))
	s.Domain = "localhost"
	s.MaxMessageBytes, s.MaxRecipients, s.MaxLineLength = maxMessage, 20, 2000
	s.ReadTimeout, s.WriteTimeout = time.Minute, time.Minute
	s.ErrorLog = quiet{b.cfg.Log}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("mailbox: mail server: %w", err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := s.Shutdown(end); err != nil { // a connection that idles
		err = s.Close()
		if err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("mailbox: mail server: %w", err)
		}
	}
	_ = l.Close() // where Serve had not begun
	if err := <-failed; err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("mailbox: mail server: %w", err)
	}
	return nil
}

// session is one connection.
type session struct {
	box  *Mailbox
	from string
	to   []string
}

// Reset implements smtp.Session.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout implements smtp.Session.
func (s *session) Logout() error { return nil }

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

// Rcpt implements smtp.Session. Every address has a mailbox here.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

// Data implements smtp.Session.
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	for _, to := range s.to {
		if err := s.box.store.add(s.from, to, raw, s.box.cfg.Now()); err != nil {
			s.box.cfg.Log.LogAttrs(context.Background(), slog.LevelError, "mailbox cannot keep a message", slog.String("error", err.Error()))
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "cannot be kept, try again"}
		}
	}
	return nil
}

// quiet is where the mail server's complaints about its peers go.
type quiet struct{ log *slog.Logger }

// Printf implements smtp.Logger.
func (q quiet) Printf(format string, args ...any) {
	q.log.LogAttrs(context.Background(), slog.LevelDebug, "mail server", slog.String("says", fmt.Sprintf(format, args...)))
}

// Println implements smtp.Logger.
func (q quiet) Println(args ...any) { q.Printf("%s", fmt.Sprint(args...)) }
