package recovery

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"iess.gob.ec/clave/storage"
)

// opened is what the field abierto says: when the form of a link was first shown,
// under a keyed hash, so that nobody makes it later (S039, D07).
func (s *Server) opened(link *storage.Link, at time.Time) string {
	text := strconv.FormatInt(storage.At(at).UnixMicro(), 10)
	return text + "." + base64.RawURLEncoding.EncodeToString(s.openedMAC(link, text))
}

// readOpened is when the form was first shown that came with field; false where we
// did not write that for the link.
func (s *Server) readOpened(link *storage.Link, field string) (time.Time, bool) {
	text, mac, _ := strings.Cut(field, ".")
	sum, err := base64.RawURLEncoding.DecodeString(mac)
	micros, perr := strconv.ParseInt(text, 10, 64)
	if err != nil || perr != nil || !hmac.Equal(sum, s.openedMAC(link, text)) {
		return time.Time{}, false
	}
	return time.UnixMicro(micros).UTC(), true
}

func (s *Server) openedMAC(link *storage.Link, text string) []byte {
	mac := hmac.New(sha256.New, s.DB.ChallengeKey())
	mac.Write([]byte("recovery.opened\x00" + link.ID + "\x00" + text))
	return mac.Sum(nil)
}
