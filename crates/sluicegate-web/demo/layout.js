// Where the stages of a net stand: layers by depth, then an order with few crossings.
// Pure: numbers in, places out. Wires that return are laid out backwards, so that each
// stage stands right of the stages that feed it.

const SWEEPS = 10;      // passes that reorder the layers
const LANE = 20;        // room for a wire that passes a layer, in pixels

/** Layers the net; `box` is {w, h, gapX, gapY}; `down` lays it out from top to bottom. */
export function layout(stages, wires, box, width) {
  const nodes = new Map(stages.map((s) => [s.name, { name: s.name, real: true, near: [[], []] }]));
  const edges = wires.filter((w) => nodes.has(w.from) && nodes.has(w.to) && w.from !== w.to);
  const back = backward(nodes, edges);
  setDepths(nodes, edges, back);
  const layers = [];
  for (const node of nodes.values()) (layers[node.depth] ||= []).push(node);
  const routes = edges.map((w) => route(w, back.has(w), nodes, layers));
  order(layers);
  return place(layers, routes, box, width);
}

/** Wires against the stream: those that say so, and those that would close a cycle. */
function backward(nodes, edges) {
  const back = new Set(edges.filter((w) => w.returns));
  const state = new Map();
  const visit = (name) => {
    state.set(name, 1);
    for (const w of edges) {
      if (w.from !== name || back.has(w)) continue;
      if (state.get(w.to) === 1) back.add(w);
      else if (!state.has(w.to)) visit(w.to);
    }
    state.set(name, 2);
  };
  for (const name of nodes.keys()) if (!state.has(name)) visit(name);
  return back;
}

/** The longest way from a source, with wires against the stream left out. */
function setDepths(nodes, edges, back) {
  for (const node of nodes.values()) node.depth = 0;
  for (let round = 0; round < nodes.size; round++) {
    for (const w of edges) {
      if (back.has(w)) continue;
      const to = nodes.get(w.to);
      to.depth = Math.max(to.depth, nodes.get(w.from).depth + 1);
    }
  }
}

/** A wire as a chain of nodes from left to right, with a lane in each layer it passes. */
function route(wire, reversed, nodes, layers) {
  let [a, b] = [nodes.get(wire.from), nodes.get(wire.to)];
  const flip = a.depth > b.depth;
  if (flip) [a, b] = [b, a];
  const chain = [a];
  for (let depth = a.depth + 1; depth < b.depth; depth++) {
    const lane = { real: false, near: [[], []], depth };
    layers[depth].push(lane);
    chain.push(lane);
  }
  chain.push(b);
  for (let i = 1; i < chain.length; i++) {
    chain[i - 1].near[1].push(chain[i]);
    chain[i].near[0].push(chain[i - 1]);
  }
  return { wire, chain, flip, reversed };
}

/** Barycentre sweeps: each layer is sorted by the mean place of its neighbours. */
function order(layers) {
  const number = (layer) => layer.forEach((node, i) => { node.at = (i + .5) / layer.length; });
  layers.forEach(number);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const side = sweep % 2;
    for (const layer of side ? [...layers].reverse() : layers) {
      for (const node of layer) {
        const near = node.near[side];
        node.key = near.length ? near.reduce((sum, n) => sum + n.at, 0) / near.length : node.at;
      }
      layer.sort((a, b) => a.key - b.key);
      number(layer);
    }
  }
}

/** Pixels: columns of equal width, each stacked, then drawn towards its neighbours. */
function place(layers, routes, box, width) {
  const step = Math.min(box.w + box.gapX, (width - box.w - 2) / Math.max(1, layers.length - 1));
  const size = (node) => (node.real ? box.h : LANE);
  const tall = (layer) => layer.reduce((sum, n) => sum + size(n) + box.gapY, -box.gapY);
  const height = Math.max(...layers.map(tall)) + 8;
  layers.forEach((layer, depth) => {
    let y = (height - tall(layer)) / 2;
    for (const node of layer) {
      node.x = depth * step + 1;
      node.w = box.w;
      node.h = size(node);
      node.y = y;
      y += node.h + box.gapY;
    }
  });
  for (let pass = 0; pass < 12; pass++) layers.forEach((layer) => relax(layer, box.gapY, height));
  return { layers, routes, width: (layers.length - 1) * step + box.w + 2, height };
}

/** Moves the nodes of a layer towards the middle of their neighbours, in order and apart. */
function relax(layer, gap, height) {
  const middle = (n) => n.y + n.h / 2;
  for (const node of layer) {
    const near = [...node.near[0], ...node.near[1]];
    if (near.length) node.y += (near.reduce((s, n) => s + middle(n), 0) / near.length - middle(node)) / 2;
  }
  let edge = 4;
  for (const node of layer) {
    node.y = Math.max(node.y, edge);
    edge = node.y + node.h + gap;
  }
  edge = height - 4;
  for (const node of [...layer].reverse()) {
    node.y = Math.min(node.y, edge - node.h);
    edge = node.y - gap;
  }
}
