//! The plot of row 17 as SVG: cost over the number of clients, both axes logarithmic, each line
//! labelled at its end. Colours follow the viewer's light or dark theme.

use std::fmt::Write;

/// Points from left to right.
pub struct Line {
    pub name: &'static str,
    /// (clients, CPU seconds per million deliveries)
    pub points: Vec<(usize, f64)>,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;

/// Edges of the plotting area.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 500.0;
const TOP: f64 = 48.0;
const BOTTOM: f64 = 344.0;

/// Minimum vertical distance between two labels.
const LABEL_HEIGHT: f64 = 17.0;

/// The Okabe-Ito palette, which colour-blind readers can tell apart, darkened for light backgrounds
/// and lightened for dark ones.
const STYLE: &str = "
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 14px }
  .axis { stroke: #57606a; stroke-width: 1 }
  .grid { stroke: #d0d7de; stroke-width: 1 }
  .line { fill: none; stroke-width: 2.5; stroke-linejoin: round }
  .l0 { stroke: #0550ae } .p0 { fill: #0550ae }
  .l1 { stroke: #0550ae; stroke-dasharray: 6 4 } .p1 { fill: #0550ae }
  .l2 { stroke: #b0460b } .p2 { fill: #b0460b }
  .l3 { stroke: #b0460b; stroke-dasharray: 6 4 } .p3 { fill: #b0460b }
  .l4 { stroke: #00704f } .p4 { fill: #00704f }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .axis { stroke: #9198a1 }
    .grid { stroke: #3d444d }
    .l0, .l1 { stroke: #79c0ff } .p0, .p1 { fill: #79c0ff }
    .l2, .l3 { stroke: #ffa657 } .p2, .p3 { fill: #ffa657 }
    .l4 { stroke: #56d4a8 } .p4 { fill: #56d4a8 }
  }
";

pub fn svg(lines: &[Line]) -> String {
    let scale = Scale::of(lines);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" \
         height=\"{HEIGHT}\" role=\"img\" aria-labelledby=\"title\">\n\
         <title id=\"title\">CPU seconds per million deliveries, by the number of clients</title>\n\
         <style>{STYLE}</style>\n\
         <text class=\"title\" x=\"{LEFT}\" y=\"20\">CPU seconds per million deliveries, server and its children</text>\n"
    );
    svg += &axes(&scale);
    for (number, line) in lines.iter().enumerate() {
        svg += &polyline(line, number, &scale);
    }
    svg += &labels(lines, &scale);
    svg + "</svg>\n"
}

/// Maps figures to coordinates.
struct Scale {
    clients: [f64; 2],
    cost: [f64; 2],
}

impl Scale {
    fn of(lines: &[Line]) -> Scale {
        let points = || lines.iter().flat_map(|line| &line.points);
        let cost = |least, pick: fn(f64, f64) -> f64| points().map(|point| point.1).fold(least, pick);
        let clients =
            |least, pick: fn(f64, f64) -> f64| points().map(|point| point.0 as f64).fold(least, pick);
        // Limits at thirds of a decade: whole decades would leave half of the plot empty.
        let (least, most) = (cost(f64::INFINITY, f64::min), cost(0.0, f64::max));
        Scale {
            clients: [clients(f64::INFINITY, f64::min), clients(0.0, f64::max)],
            cost: [
                10f64.powf((least.log10() * 3.0).floor() / 3.0),
                10f64.powf((most.log10() * 3.0).ceil() / 3.0),
            ],
        }
    }

    fn x(&self, clients: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * fraction(clients, self.clients)
    }

    fn y(&self, cost: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * fraction(cost, self.cost)
    }
}

/// Where `value` lies between `from` (0) and `to` (1) on a logarithmic axis.
fn fraction(value: f64, [from, to]: [f64; 2]) -> f64 {
    (value / from).ln() / (to / from).ln()
}

fn axes(scale: &Scale) -> String {
    let mut svg = String::new();
    let decades = (-4..4).map(|power| 10f64.powi(power));
    for cost in decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|step| step * decade)) {
        if (scale.cost[0] * 0.999..=scale.cost[1] * 1.001).contains(&cost) {
            let y = scale.y(cost);
            let label = (cost * 1e4).round() / 1e4;
            put(&mut svg, format_args!("<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>"));
            put(
                &mut svg,
                format_args!(
                    "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                    LEFT - 8.0,
                    y + 4.5
                ),
            );
        }
    }
    for clients in [1.0, 10.0, 100.0, 1000.0, 10_000.0] {
        if (scale.clients[0]..=scale.clients[1]).contains(&clients) {
            let (x, low) = (scale.x(clients), BOTTOM + 20.0);
            put(&mut svg, format_args!("<path class=\"axis\" d=\"M{x:.1} {BOTTOM}v5\"/>"));
            put(
                &mut svg,
                format_args!("<text x=\"{x:.1}\" y=\"{low}\" text-anchor=\"middle\">{clients}</text>"),
            );
        }
    }
    put(&mut svg, format_args!("<path class=\"axis\" d=\"M{LEFT} {BOTTOM}H{RIGHT}\"/>"));
    let middle = f64::midpoint(LEFT, RIGHT);
    put(
        &mut svg,
        format_args!(
            "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">clients in the room</text>",
            BOTTOM + 44.0
        ),
    );
    svg
}

fn polyline(line: &Line, number: usize, scale: &Scale) -> String {
    let points: Vec<(f64, f64)> =
        line.points.iter().map(|&(clients, cost)| (scale.x(clients as f64), scale.y(cost))).collect();
    let coordinates = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ");
    let mut svg = format!("<polyline class=\"line l{number}\" points=\"{coordinates}\"/>\n");
    for (x, y) in points {
        put(&mut svg, format_args!("<circle class=\"p{number}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>"));
    }
    svg
}

/// Each label at the end of its line, moved down where it would overlap another.
fn labels(lines: &[Line], scale: &Scale) -> String {
    let end = |(number, line): (usize, &Line)| {
        let &(clients, cost) = line.points.last()?;
        Some((scale.y(cost), scale.x(clients as f64), number, line.name))
    };
    let mut ends: Vec<_> = lines.iter().enumerate().filter_map(end).collect();
    ends.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut svg = String::new();
    let mut free = TOP;
    for (y, x, number, name) in ends {
        let y = y.max(free);
        free = y + LABEL_HEIGHT;
        put(
            &mut svg,
            format_args!(
                "<text class=\"p{number}\" x=\"{:.1}\" y=\"{:.1}\">{name}</text>",
                x + 10.0,
                y + 4.5
            ),
        );
    }
    svg
}

fn put(svg: &mut String, element: std::fmt::Arguments) {
    writeln!(svg, "{element}").expect("write to a String");
}
