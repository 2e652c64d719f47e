package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// profile writes what the processor does in the server for d, in whole seconds, into
// a file of dir and returns its name.
func (l *lab) profile(ctx context.Context, d time.Duration, dir, scenario string) (string, error) {
	address := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", l.internal, max(1, d/time.Second))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("profile: %s", res.Status)
	}
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, regexp.MustCompile(`\W+`).ReplaceAllString(scenario+"-"+l.name, "-")+".pb.gz")
	return file, os.WriteFile(file, data, 0o600)
}

// hashShare is the part of the processor time in a profile that hashes of claves took.
func hashShare(ctx context.Context, file string) (float64, error) {
	cmd := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", "-unit=ms", "-nodefraction=0", "-edgefraction=0", "-nodecount=10000", "-focus=crypto/argon2", file) //nolint:gosec // a file of ours
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("go tool pprof: %w", err)
	}
	return shareIn(string(out)), nil
}

// shareIn is the share that go tool pprof -top -unit=ms says its lines account for;
// 0 where nothing did.
func shareIn(top string) float64 {
	m := regexp.MustCompile(`accounting for ([0-9.]+)ms, [0-9.]+% of ([0-9.]+)ms total`).FindStringSubmatch(top)
	if m == nil {
		return 0
	}
	part, _ := strconv.ParseFloat(m[1], 64)
	all, _ := strconv.ParseFloat(m[2], 64)
	return part / max(all, 1)
}
