package login

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A flood of strangers leaves every other slot to people on their own devices,
// and theirs leaves the strangers as many.
func TestT28_KnownDevicesGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := NewHasher(HashConfig{Memory: 8, Passes: 1, Slots: 1, Queue: 3, Wait: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		slot, err := h.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		type taken struct {
			who  string
			slot *Slot
		}
		got := make(chan taken, 6)
		for range 3 {
			go func() {
				s, _ := h.Take(t.Context())
				got <- taken{"stranger", s}
			}()
		}
		synctest.Wait()
		if _, err := h.Take(t.Context()); !errors.Is(err, ErrBusy) {
			t.Fatalf("a fourth stranger: %v, want a full queue", err)
		}
		for range 3 {
			go func() {
				s, _ := h.TakeFirst(t.Context())
				got <- taken{"known", s}
			}()
		}
		synctest.Wait()
		for i, want := range []string{"known", "stranger", "known", "stranger", "known", "stranger"} {
			slot.Release()
			next := <-got
			if slot = next.slot; next.who != want {
				t.Errorf("slot %d went to a %s, want a %s", i, next.who, want)
			}
			synctest.Wait()
		}
		slot.Release()
		if used, _ := h.Slots(); used != 0 {
			t.Errorf("%d slots are not given back", used)
		}
	})
}

// One network fills its places of the queue and no more.
func TestT28_NetworkHasItsPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const places = 4
		c := newCrowd(places)
		var leave []func()
		enter := func(network string) error {
			f, err := c.enter(t.Context(), network, time.Second)
			if err == nil {
				leave = append(leave, f)
			}
			return err
		}
		for range places {
			if err := enter("a"); err != nil {
				t.Fatal(err)
			}
		}
		if err := enter("a"); !errors.Is(err, ErrBusy) {
			t.Errorf("one more: %v, want ErrBusy", err)
		}
		if err := enter("b"); err != nil {
			t.Errorf("another network: %v", err)
		}
		go leave[0]()
		if err := enter("a"); err != nil {
			t.Errorf("after one has left: %v", err)
		}
		for _, f := range leave[1:] {
			f()
		}
		if len(c.places) != 0 {
			t.Errorf("%d networks are kept with nobody from there", len(c.places))
		}
	})
}

// A network whose strangers have failed too often has few places, and waits in
// them; any other one has half the queue.
func TestT28_PressedNetworkHasFewPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := NewHasher(HashConfig{Memory: 8, Passes: 1, Slots: 1, Queue: 100, Wait: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		s := &Server{Config: Config{Hash: h, Network: Limit{Free: 3}}, crowd: newCrowd(50), pressed: newCrowd(pressedPlaces)}
		only, err := h.Take(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		const each = 10
		done := make(chan error, 2*each)
		for _, a := range []*Attempt{{network: 3, byNet: []byte("calm")}, {network: 4, byNet: []byte("pressed")}} {
			for range each {
				go func() {
					slot, err := s.slot(t.Context(), a)
					if err == nil {
						slot.Release()
					}
					done <- err
				}()
			}
		}
		synctest.Wait()
		if n := len(s.crowd.places["calm"].taken); n != each || s.crowd.places["pressed"] != nil {
			t.Errorf("%d of a calm network wait for a slot, want %d, and none of another", n, each)
		}
		if n := len(s.pressed.places["pressed"].taken); n != pressedPlaces {
			t.Errorf("%d of a pressed network wait for a slot, want %d", n, pressedPlaces)
		}
		only.Release()
		for range 2 * each {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}
