package totp

import (
	"fmt"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// quiet is how many modules around a QR code stay light (ISO/IEC 18004 section 6.3.8).
const quiet = 4

// QR is text as a QR code: its dark modules as the path of an SVG, and how many
// modules it is wide and high with what stays light around it. A seventh of it may
// be covered or dirty (level M).
func QR(text string) (string, int, error) {
	code, err := qr.Encode(text, qr.M, qr.Unicode) // bytes, as every reader takes them
	if err != nil {
		return "", 0, fmt.Errorf("totp: qr: %w", err)
	}
	size := code.Bounds().Dx()
	dark := func(x, y int) bool {
		r, _, _, _ := code.At(x, y).RGBA()
		return r == 0
	}
	var path strings.Builder
	for y := range size {
		for x := 0; x < size; x++ {
			from := x
			for x < size && dark(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from+quiet, y+quiet, x-from, x-from)
			}
		}
	}
	return path.String(), size + 2*quiet, nil
}
