package recovery

import (
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/storage/storagetest"
)

// T27, S039: whatever the field abierto holds, it says a time only where we wrote
// that for the link.
func FuzzT27_S039_Opened(f *testing.F) {
	s := &Server{Server: &login.Server{Config: login.Config{DB: storagetest.Open(f, "sqlite")}}}
	mine, other := &storage.Link{ID: "a"}, &storage.Link{ID: "b"}
	ours := map[string]time.Time{}
	for _, at := range []time.Time{noon, noon.Add(time.Microsecond), {}} {
		field := s.opened(mine, at)
		ours[field] = at
		text, mac, _ := strings.Cut(field, ".")
		for _, seed := range []string{
			field, s.opened(other, at), text, "." + mac, text + "." + mac + "A", text + "0." + mac, "+" + text + "." + mac, text + "." + mac[:42], text + "..", field + ".",
		} {
			f.Add(seed)
		}
	}
	f.Fuzz(func(t *testing.T, field string) {
		got, ok := s.readOpened(mine, field)
		text, _, _ := strings.Cut(field, ".")
		written := false
		for known, at := range ours {
			same, _, _ := strings.Cut(known, ".")
			written = written || same == text && storage.At(at).Equal(storage.At(got).Time)
		}
		if ok && !written {
			t.Fatalf("%q says %s", field, got)
		}
		if ok && field == s.opened(other, got) {
			t.Fatalf("%q says %s of another link", field, got)
		}
		if at, known := ours[field]; known && (!ok || !got.Equal(storage.At(at).Time)) {
			t.Fatalf("%q says %s, %v; want %s", field, got, ok, at)
		}
	})
}
