package cuenta

import (
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// An address says what was just done, so that the page to which an effect leads can
// say it, also when it is loaded once more. Whoever sends a person a link must not
// make a page of hers say so: it is believed with our seal alone.
const (
	fieldDone = "hecho"
	fieldSeal = "sello"

	// justNow is for how long a page says what has been done, at least, and half of
	// how long it does at most.
	justNow = 10 * time.Minute
)

// toDone answers an effect: it leads the visit's person to path, which says what was
// done; "" leaves that out.
func (s *Server) toDone(w http.ResponseWriter, r *http.Request, v *visit, path, done string) error {
	if done != "" {
		path += "?" + url.Values{fieldDone: {done}, fieldSeal: {s.seal(v, path, done, v.Now)}}.Encode()
	}
	return s.Redirect(w, r, path)
}

// doneHere is what toDone said on the way to the page that r asks for, "" where it
// did not: to this person, in this browser, just now.
func (s *Server) doneHere(r *http.Request, v *visit) string {
	q := r.URL.Query()
	done, seal := q.Get(fieldDone), q.Get(fieldSeal)
	for _, at := range []time.Time{v.Now, v.Now.Add(-justNow)} {
		if subtle.ConstantTimeCompare([]byte(seal), []byte(s.seal(v, r.URL.Path, done, at))) == 1 {
			return done
		}
	}
	return ""
}

// seal is that of at's stretch of justNow.
func (s *Server) seal(v *visit, path, done string, at time.Time) string {
	stretch := strconv.FormatInt(at.Truncate(justNow).Unix(), 10)
	mac := s.DB.DoneMAC(strings.Join([]string{v.session.AfiliadoID, v.Browser, path, stretch, done}, "\x00"))
	return base64.RawURLEncoding.EncodeToString(mac)
}
