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
