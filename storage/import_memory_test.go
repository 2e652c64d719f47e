package storage_test

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"iess.gob.ec/clave/storage/storagetest"
)

// heap is what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// resident is the most memory this process has had, in kB; 0 where the system
// does not say.
func resident() int64 {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n
		}
	}
	return 0
}

// The memory an import takes does not grow with its file.
func TestImportMemoryStaysBounded(t *testing.T) {
	high := func(n int64) uint64 {
		db := openEngine(t, "sqlite")
		var most uint64
		opts := importing(new([]string))
		opts.Progress = func(int64, int64) { most = max(most, heap()) }
		if _, err := db.ImportAfiliados(t.Context(), &generated{n: n}, opts); err != nil {
			t.Fatal(err)
		}
		return most
	}
	small, large := high(3_000), high(24_000)
	if large > small+10<<20 { // to keep every person would take twice that
		t.Errorf("24,000 people took %d kB of heap, 3,000 took %d kB: it grows with the file", large>>10, small>>10)
	}
}

// BenchmarkImportAfiliados imports as many people as -benchtime says, such as
// 1000000x.
func BenchmarkImportAfiliados(b *testing.B) {
	for _, engine := range storagetest.Engines() {
		b.Run(engine, func(b *testing.B) {
			db := openEngine(b, engine)
			var most uint64
			batches := 0
			opts := importing(new([]string))
			opts.Now = time.Now // so that SQLite makes way for others
			opts.Progress = func(int64, int64) {
				if batches++; batches%50 == 1 {
					most = max(most, heap())
				}
			}
			b.ResetTimer()
			if _, err := db.ImportAfiliados(b.Context(), &generated{n: int64(b.N)}, opts); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "people/s")
			b.ReportMetric(float64(most)/(1<<20), "heap-MiB")
			b.ReportMetric(float64(resident())/1024, "rss-high-MiB")
		})
	}
}
