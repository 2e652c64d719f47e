package challenge_test

import (
	"testing"
	"time"

	"iess.gob.ec/clave/login/challenge"
)

func TestT02_T13_PressedAsksFromTheFirstDoublingOn(t *testing.T) {
	for _, tt := range []struct {
		name                string
		network, identifier int
		due                 bool
	}{
		{name: "nobody has failed"},
		{name: "nonsense", network: -20, identifier: -5},
		{name: "her own attempts", identifier: 4},
		{name: "her own attempts in a busy network", network: 19, identifier: 4},
		{name: "more than her own", identifier: 5, due: true},
		{name: "a network of many failures", network: 20, due: true},
		{name: "the least that does", network: challenge.LeastNetwork, due: true},
		{name: "a flood", network: 1 << 40, identifier: 1 << 40, due: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cost, due := challenge.Pressed(tt.network, tt.identifier)
			if due != tt.due || cost != challenge.CostOf(tt.network, tt.identifier) {
				t.Errorf("got %v, %+v", due, cost)
			}
		})
	}
}

func TestT13_CostGrowsWithPressureAndEnds(t *testing.T) {
	least := challenge.CostOf(0, 0)
	if least.Work <= 0 || least.Wait <= 0 || least.Wait > 5*time.Second {
		t.Errorf("without pressure: %+v", least)
	}
	for _, tt := range []struct{ network, identifier, times int }{
		{19, 4, 1},
		{20, 0, 2},
		{0, 5, 2},
		{20, 5, 4},
		{60, 0, 8},
		{100, 0, 16},
		{1 << 40, 1 << 40, 16}, // neighbours pay too: it ends
		{-5, -5, 1},
	} {
		got := challenge.CostOf(tt.network, tt.identifier)
		if got.Work != least.Work*int64(tt.times) || got.Wait != least.Wait*time.Duration(tt.times) {
			t.Errorf("network %d, identifier %d: got %+v, want %d times %+v", tt.network, tt.identifier, got, tt.times, least)
		}
		if got.Wait >= challenge.Life {
			t.Errorf("network %d, identifier %d: a ticket ends before it counts", tt.network, tt.identifier)
		}
	}
}
