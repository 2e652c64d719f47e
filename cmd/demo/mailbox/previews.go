package mailbox

import (
	"io/fs"
	"net/http"

	"iess.gob.ec/clave/templates"
)

type previewsPage struct {
	frame
	Kinds []preview
}

// preview is a mail of the provider's in one of its states and languages.
type preview struct {
	Name, Lang string
	Subject    string
}

// InEnglish reports whether its words are English.
func (p preview) InEnglish() bool { return p.Lang == "en" }

// getTemplates lists every mail the provider can send.
func (b *Mailbox) getTemplates(w http.ResponseWriter, r *http.Request) error {
	p := previewsPage{frame: b.frame("plantillas")}
	own := templates.Languages()[0]
	for _, s := range templates.MailStates() {
		subject, _, _, err := b.cfg.Pages.RenderMail(own, s.Sample(b.cfg.Issuer))
		if err != nil {
			return err
		}
		p.Kinds = append(p.Kinds, preview{Name: s.Name, Lang: own, Subject: subject})
	}
	return b.render(w, r, http.StatusOK, "plantillas", p)
}

type previewPage struct {
	frame
	preview
	Other string // the other language
	Text  []span
}

func (b *Mailbox) getTemplate(w http.ResponseWriter, r *http.Request) error {
	p := previewPage{frame: b.frame(""), preview: preview{Name: r.PathValue("name"), Lang: r.PathValue("lang")}}
	subject, text, _, err := b.preview(p.Lang, p.Name)
	if err != nil {
		return err
	}
	p.Subject, p.Text = subject, linked(text)
	for _, lang := range templates.Languages() {
		if lang != p.Lang {
			p.Other = lang
		}
	}
	return b.render(w, r, http.StatusOK, "plantilla", p)
}

func (b *Mailbox) getTemplateHTML(w http.ResponseWriter, r *http.Request) error {
	_, _, html, err := b.preview(r.PathValue("lang"), r.PathValue("name"))
	if err != nil {
		return err
	}
	return renderMail(w, html)
}

// preview is the mail of a state in words: subject, text, HTML. Where there is no
// such state or language, the error is fs.ErrNotExist.
func (b *Mailbox) preview(lang, name string) (string, string, string, error) {
	if mailLang(lang) == "" {
		return "", "", "", fs.ErrNotExist
	}
	for _, s := range templates.MailStates() {
		if s.Name == name {
			return b.cfg.Pages.RenderMail(lang, s.Sample(b.cfg.Issuer))
		}
	}
	return "", "", "", fs.ErrNotExist
}
