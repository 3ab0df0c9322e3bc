// Where the stages of a net stand: layers by depth, then an order with few crossings.
// Pure: numbers in, places out. Wires that return are laid out backwards, so that each
// stage stands right of the stages that feed it.

const SWEEPS = 10;      // passes that reorder the layers
const LANE = 20;        // room for a wire that passes a layer, in pixels

/** Places the whole net; `box` is {w, h, gapX, gapY}. Parts that no wire joins stand below each other. */
export function layout(stages, wires, box, width) {
  const parts = apart(stages, wires);
  const joined = parts.filter((part) => part.stages.length > 1).map((part) => layered(part));
  const depth = Math.max(1, ...joined.map((part) => part.layers.length));
  const step = Math.min(box.w + box.gapX, (width - box.w - 2) / Math.max(1, depth - 1));
  const plan = { nodes: [], routes: [], width: (depth - 1) * step + box.w + 2, height: 0 };
  for (const part of joined) append(plan, place(part, box, step), box);
  const alone = parts.filter((part) => part.stages.length === 1).map((part) => part.stages[0].name);
  if (alone.length > 0) append(plan, row(alone, box, Math.max(plan.width, Math.min(width, 3 * box.w))), box);
  return plan;
}

function append(plan, part, box) {
  const top = plan.height > 0 ? plan.height + box.gapY : 0;
  for (const node of part.nodes) node.y += top;
  plan.nodes.push(...part.nodes.filter((node) => node.real));
  plan.routes.push(...ports(part.routes));
  plan.width = Math.max(plan.width, part.width);
  plan.height = top + part.height;
}

/** The parts of a net that no wire joins, the largest first. */
function apart(stages, wires) {
  const part = new Map(stages.map((s) => [s.name, s.name]));
  const root = (name) => (part.get(name) === name ? name : root(part.get(name)));
  for (const w of wires) if (part.has(w.from) && part.has(w.to)) part.set(root(w.from), root(w.to));
  const parts = new Map();
  for (const s of stages) {
    const key = root(s.name);
    if (!parts.has(key)) parts.set(key, { stages: [], wires: [] });
    parts.get(key).stages.push(s);
  }
  for (const w of wires) if (part.has(w.from) && part.has(w.to)) parts.get(root(w.from)).wires.push(w);
  return [...parts.values()].sort((a, b) => b.stages.length - a.stages.length);
}

/** Stages without wires, side by side, in as many rows as they need. */
function row(names, box, width) {
  const gap = Math.min(box.gapX, box.gapY);
  const across = Math.max(1, Math.floor((width + gap) / (box.w + gap)));
  const nodes = names.map((name, i) => ({
    name, real: true, w: box.w, h: box.h, x: 1 + (i % across) * (box.w + gap), y: 4 + Math.floor(i / across) * (box.h + box.gapY),
  }));
  const last = nodes.at(-1);
  return { nodes, routes: [], width: Math.max(...nodes.map((n) => n.x + n.w)) + 1, height: last.y + last.h + 4 };
}

/** The layers of one part, and its wires as chains through them. */
function layered({ stages, wires }) {
  const nodes = new Map(stages.map((s) => [s.name, { name: s.name, real: true, near: [[], []] }]));
  const edges = wires.filter((w) => nodes.has(w.from) && nodes.has(w.to) && w.from !== w.to);
  const back = backward(nodes, edges);
  setDepths(nodes, edges, back);
  const layers = [];
  for (const node of nodes.values()) (layers[node.depth] ||= []).push(node);
  const routes = edges.map((w) => route(w, back.has(w), nodes, layers));
  order(layers);
  return { layers, routes };
}

/** Wires against the stream: those that say so, those beside them, and those that would close a cycle. */
function backward(nodes, edges) {
  const way = (w) => JSON.stringify([w.from, w.to]);
  const answers = new Set(edges.filter((w) => w.returns).map(way));
  const back = new Set(edges.filter((w) => answers.has(way(w))));
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
function place({ layers, routes }, box, step) {
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
  return { nodes: layers.flat(), routes, width: (layers.length - 1) * step + box.w + 2, height };
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

/** Spreads the wires of each side of a box over its height, by where they lead. */
function ports(routes) {
  const sides = new Map();
  const side = (node, which, at) => {
    const key = `${node.name}/${which}`;
    if (!sides.has(key)) sides.set(key, { node, ends: [] });
    sides.get(key).ends.push(at);
  };
  for (const route of routes) {
    const [first, last] = [route.chain[0], route.chain.at(-1)];
    side(first, "right", { route, end: 0, y: middle(route.chain[1]) });
    side(last, "left", { route, end: 1, y: middle(route.chain.at(-2)) });
    route.ends = [0, 0];
  }
  for (const { node, ends } of sides.values()) {
    ends.sort((a, b) => a.y - b.y || a.route.reversed - b.route.reversed);
    ends.forEach(({ route, end }, i) => {
      const share = (i + 1) / (ends.length + 1);
      route.ends[end] = node.y + node.h * share;
      if (end === 0) route.share = share;
    });
  }
  for (const route of routes) {
    const points = route.chain.slice(1, -1).flatMap((lane) => [[lane.x, middle(lane)], [lane.x + lane.w, middle(lane)]]);
    const [first, last] = [route.chain[0], route.chain.at(-1)];
    points.unshift([first.x + first.w, route.ends[0]]);
    points.push([last.x, route.ends[1]]);
    route.points = route.flip ? points.reverse() : points;
  }
  return routes;
}

const middle = (node) => node.y + node.h / 2;
