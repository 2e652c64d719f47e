package mailbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"iess.gob.ec/clave/templates"
)

// Config is what a Mailbox is made of.
type Config struct {
	Dir     string // the folder of the messages; made where it is missing
	Issuer  string // of the provider
	BaseURL string // of the web page, without a path or a final slash
	// Pages puts the provider's mails into words, for /plantillas.
	Pages *templates.Pages
	// People are those who get mail, as they are at this moment.
	People func(context.Context) ([]Person, error)
	// More says, where set, who else there is.
	More string
	// Stylesheet is the applications': the mailbox is of their house.
	Stylesheet http.Handler
	Now        func() time.Time
	Log        *slog.Logger
}

// Person is somebody made up, with all that a newcomer has to know to be her.
type Person struct {
	Identifier string
	Name       string
	Email      string // "" where no mailbox is on file
	State      string // "Clave bloqueada", at this moment
	Facts      []Fact
	Jobs       []Job
	Tries      []Try
}

// Fact is something on file.
type Fact struct{ Label, Value string }

// Job is a stretch of work history.
type Job struct{ Employer, When, More string }

// Try is something to try with a person: what to do, and where that begins.
type Try struct{ Text, Label, URL string }

// Mailbox is the mail server's mailboxes and their web page. It is an
// http.Handler, safe for concurrent use.
type Mailbox struct {
	cfg     Config
	host    string
	store   *store
	pages   *pages
	handler http.Handler
}

// New returns the mailbox with the messages that lie in its folder.
func New(cfg Config) (*Mailbox, error) {
	if cfg.Pages == nil || cfg.People == nil || cfg.Stylesheet == nil || cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("mailbox: pages, people, stylesheet, clock and log are required")
	}
	base, err := url.Parse(cfg.BaseURL)
	if err != nil || base.Host == "" || base.Path != "" {
		return nil, fmt.Errorf("mailbox: base URL %q must be scheme and host only", cfg.BaseURL)
	}
	b := &Mailbox{cfg: cfg, host: base.Host}
	if b.store, err = openStore(cfg.Dir, cfg.Log); err != nil {
		return nil, err
	}
	if b.pages, err = parsePages(); err != nil {
		return nil, err
	}
	b.handler, err = b.routes()
	return b, err
}
