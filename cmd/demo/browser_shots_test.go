package main

import (
	"os"
	"testing"

	"iess.gob.ec/clave/templates"
)

// TestShots leaves a picture of every page in every state, at both widths, light
// and dark, in the folder CLAVE_SHOTS: those that journeys meet, and all states
// of all pages in both languages. Without CLAVE_SHOTS there is nothing to leave.
func TestShots(t *testing.T) {
	folder := os.Getenv("CLAVE_SHOTS")
	if folder == "" {
		return // make shots
	}
	c, l := startChromium(t), newLooks(t, folder)
	everywhere(t, c, l)
	t.Run("states", func(t *testing.T) { states(t, c, l, templates.Languages()...) })
}
