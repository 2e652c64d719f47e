package templates

import (
	"strings"
	"testing"
)

// No clave is typed on the pages of a changed address: they do not warn of where one
// is.
func TestContactPagesAskForNoClave(t *testing.T) {
	for _, s := range States("es-EC") {
		if _, is := s.Page.(ContactLink); is && strings.Contains(body(t, parsed(t), s.Page), "Antes de escribir su clave") {
			t.Errorf("%s warns of it", s.Name)
		}
	}
}

// A telephone reads as the hint beside its field asks for one.
func TestTelephonesReadAsPeopleDialThem(t *testing.T) {
	for number, want := range map[string]string{
		"+593991234567": "099 123 4567", "+59322345678": "02 234 5678", "+34600123456": "+34600123456", "+593": "+593", "": "",
	} {
		if got := national(number); got != want {
			t.Errorf("%q reads %q, want %q", number, got, want)
		}
	}
	page := body(t, parsed(t), MyContact{Mobile: "+593991234567"})
	if !strings.Contains(page, "<dd class=\"num\">099 123 4567</dd>") || !strings.Contains(page, "No consta") {
		t.Error("the page shows them otherwise")
	}
}
