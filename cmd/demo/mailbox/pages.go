package mailbox

import (
	"io/fs"
	"net/http"
	"slices"
	"strings"

	"iess.gob.ec/clave/templates"
)

// shownLetters is how many messages a list shows.
const shownLetters = 100

// frame is what the layout shows around every page.
type frame struct {
	Here   string // of the menu
	Host   string
	Issuer string
}

func (b *Mailbox) frame(here string) frame { return frame{here, b.host, b.cfg.Issuer} }

type homePage struct {
	frame
	Letters []row
	Of      int
	Boxes   []box
}

// row is a letter in a list, with the name of whom it is for.
type row struct {
	letter
	Name string
}

// box is the mailbox of a person, or of an address that is nobody's.
type box struct {
	Name, Address string
	Count         int
}

func (b *Mailbox) getHome(w http.ResponseWriter, r *http.Request) error {
	people, err := b.cfg.People(r.Context())
	if err != nil {
		return err
	}
	letters := b.store.all("")
	p := homePage{frame: b.frame("buzon"), Of: len(letters)}
	count := map[string]int{}
	for _, l := range letters {
		count[l.To]++
	}
	names := map[string]string{}
	for _, o := range people {
		if o.Email == "" {
			continue
		}
		to := strings.ToLower(o.Email)
		names[to] = o.Name
		p.Boxes = append(p.Boxes, box{o.Name, to, count[to]})
	}
	for _, l := range letters[:min(len(letters), shownLetters)] {
		if names[l.To] == "" && !slices.ContainsFunc(p.Boxes, func(x box) bool { return x.Address == l.To }) {
			p.Boxes = append(p.Boxes, box{"", l.To, count[l.To]})
		}
		p.Letters = append(p.Letters, row{l, names[l.To]})
	}
	return b.render(w, r, http.StatusOK, "buzon", p)
}

type addressPage struct {
	frame
	Address string
	Person  *Person // nil where the address is nobody's
	Letters []letter
	Of      int
}

func (b *Mailbox) getAddress(w http.ResponseWriter, r *http.Request) error {
	p := addressPage{frame: b.frame(""), Address: strings.ToLower(r.PathValue("address"))}
	var err error
	if p.Person, err = b.person(r, p.Address); err != nil {
		return err
	}
	p.Letters = b.store.all(p.Address)
	if p.Of = len(p.Letters); p.Person == nil && p.Of == 0 {
		return fs.ErrNotExist
	}
	p.Letters = p.Letters[:min(p.Of, shownLetters)]
	return b.render(w, r, http.StatusOK, "correo", p)
}

// person is the one with that address, nil where there is none.
func (b *Mailbox) person(r *http.Request, address string) (*Person, error) {
	people, err := b.cfg.People(r.Context())
	if err != nil {
		return nil, err
	}
	for _, o := range people {
		if o.Email != "" && strings.EqualFold(o.Email, address) {
			return &o, nil
		}
	}
	return nil, nil //nolint:nilnil // documented: nobody
}

type messagePage struct {
	frame
	letter
	Name     string
	Lang     string
	HTML     bool
	Text     []span
	FileName string
}

func (b *Mailbox) getMessage(w http.ResponseWriter, r *http.Request) error {
	l, raw, err := b.store.read(r.PathValue("id"))
	if err != nil {
		return err
	}
	c, err := parse(raw)
	if err != nil {
		return err
	}
	p := messagePage{frame: b.frame(""), letter: l, Lang: mailLang(c.lang), HTML: c.html != "", Text: linked(c.text), FileName: l.file}
	if o, err := b.person(r, l.To); err != nil {
		return err
	} else if o != nil {
		p.Name = o.Name
	}
	return b.render(w, r, http.StatusOK, "mensaje", p)
}

// mailLang is the language of a mail's words, as far as we know it.
func mailLang(s string) string {
	if slices.Contains(templates.Languages(), s) {
		return s
	}
	return ""
}

func (b *Mailbox) getMessageHTML(w http.ResponseWriter, r *http.Request) error {
	_, raw, err := b.store.read(r.PathValue("id"))
	if err != nil {
		return err
	}
	c, err := parse(raw)
	if err != nil {
		return err
	}
	if c.html == "" {
		return fs.ErrNotExist
	}
	return renderMail(w, c.html)
}

// getOriginal is the message as its file holds it.
func (b *Mailbox) getOriginal(w http.ResponseWriter, r *http.Request) error {
	_, raw, err := b.store.read(r.PathValue("id"))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(raw) // the browser has gone
	return nil
}

type peoplePage struct {
	frame
	People []Person
	More   string
}

func (b *Mailbox) getPeople(w http.ResponseWriter, r *http.Request) error {
	people, err := b.cfg.People(r.Context())
	if err != nil {
		return err
	}
	return b.render(w, r, http.StatusOK, "personas", peoplePage{b.frame("personas"), people, b.cfg.More})
}

type noticePage struct {
	frame
	Title, Text string
}

func (b *Mailbox) getUnknown(w http.ResponseWriter, r *http.Request) error {
	return b.render(w, r, http.StatusNotFound, "aviso", noticePage{
		b.frame(""), "Esta página no existe",
		"Quizá el mensaje era de otra demostración. Sin -data, los mensajes se borran al detenerla.",
	})
}
