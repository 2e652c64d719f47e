package recovery

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"iess.gob.ec/clave/storage"
)

// openedSize is how many bytes opened has before it is encoded: the time in
// microseconds since the epoch, then a keyed hash cut to 192 bits, so that it is as
// long as the secrets that a browser keeps for us.
const openedSize, openedTime = 32, 8

// opened is what the field abierto says, and the cookie of that name: when the form
// of a link was first shown, under a keyed hash, so that nobody makes it later
// (S039, D07).
func (s *Server) opened(link *storage.Link, at time.Time) string {
	micros := binary.BigEndian.AppendUint64(nil, uint64(storage.At(at).UnixMicro()))
	return base64.RawURLEncoding.EncodeToString(append(micros, s.openedMAC(link, micros)...))
}

// readOpened is when the form was first shown that came with field; false where we
// did not write that for the link.
func (s *Server) readOpened(link *storage.Link, field string) (time.Time, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(field)
	// The decoder passes over the ends of lines: only what has the length of ours is one of ours.
	if err != nil || len(b) != openedSize || len(field) != base64.RawURLEncoding.EncodedLen(openedSize) || !hmac.Equal(b[openedTime:], s.openedMAC(link, b[:openedTime])) {
		return time.Time{}, false
	}
	return time.UnixMicro(int64(binary.BigEndian.Uint64(b))).UTC(), true //nolint:gosec // as above
}

func (s *Server) openedMAC(link *storage.Link, micros []byte) []byte {
	mac := hmac.New(sha256.New, s.DB.ChallengeKey())
	mac.Write([]byte("recovery.opened\x00" + link.ID + "\x00"))
	mac.Write(micros)
	return mac.Sum(nil)[:openedSize-openedTime]
}
