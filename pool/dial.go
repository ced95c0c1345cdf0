package pool

import (
	"context"
	"time"
)

// A dial is a link being made. It has a slot. When the caller who wanted it does
// not wait any longer the dial goes on, and the slot is given back at its end.
type dial struct {
	ep   *endpoint
	done chan struct{} // closed when link or err is set
	// Protected by Pool.mu until done is closed:
	link      *link
	err       error
	abandoned bool
	finished  bool
}

// dialLocked begins to make a link, with the slot of the caller.
func (p *Pool) dialLocked(ep *endpoint) *dial {
	if p.total >= p.set.units {
		p.evictLocked(ep)
	}
	d := &dial{ep: ep, done: make(chan struct{})}
	p.dials[d] = struct{}{}
	p.total++
	ep.dialing++
	go p.runDial(d)
	return d
}

// runDial makes a link and settles its dial.
//
// puddle.Acquire would not do: it takes a link that has become idle meanwhile,
// and ends its own count of what is under way when a context ends.
func (p *Pool) runDial(d *dial) {
	ep := d.ep
	err := ep.puddle.CreateResource(context.Background())
	if err != nil {
		p.mu.Lock() // or else construct has
	}
	defer p.unlock()
	var l *link
	ep.dialing--
	if err == nil {
		// The new link lies on top of the puddle's stack, and is not counted as idle.
		ep.idle++
		p.idle++
		l = p.takeLocked(ep)
	} else {
		p.total--
	}
	if d.finished { // by Close
		if l != nil {
			p.dialedLocked(ep, nil)
			p.removeLocked(l)
		}
		return
	}
	p.dialedLocked(ep, err)
	p.finishLocked(d, l, err)
	p.forgetLocked(ep)
	p.warmUpLocked()
}

// finishLocked settles a dial. If nobody waits for it its link becomes idle.
func (p *Pool) finishLocked(d *dial, l *link, err error) {
	d.finished, d.link, d.err = true, l, err
	delete(p.dials, d)
	close(d.done)
	switch {
	case d.abandoned && l != nil:
		p.returnLocked(l, true, time.Now())
		p.freeSlot()
	case d.abandoned:
		p.freeSlot()
	}
}

// await waits for a dial. It returns neither link nor error if the dial failed;
// with an error the slot is no longer the caller's.
func (p *Pool) await(ctx context.Context, d *dial) (*link, error) {
	select {
	case <-d.done:
		return d.link, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	if d.finished {
		l := d.link
		p.unlock()
		return l, nil // if it has failed, the caller sees next that ctx has ended
	}
	d.abandoned = true
	p.unlock()
	return nil, d.ep.named(ended(ctx))
}
