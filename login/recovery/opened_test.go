package recovery

import (
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
		for _, seed := range []string{
			field, s.opened(other, at), "B" + field[1:], s.opened(mine, at.Add(time.Second))[:11] + field[11:], field[:11] + s.opened(other, at)[11:],
			field[:len(field)-1], field[:len(field)-1] + "_", field + "A", field[:9] + "\n" + field[9:], "",
		} {
			f.Add(seed)
		}
	}
	f.Fuzz(func(t *testing.T, field string) {
		got, ok := s.readOpened(mine, field)
		at, written := ours[field]
		if ok != written || ok && !got.Equal(storage.At(at).Time) {
			t.Fatalf("%q says %s, %v; want %s, %v", field, got, ok, at, written)
		}
		if ok && field == s.opened(other, got) {
			t.Fatalf("%q says %s of another link", field, got)
		}
	})
}
