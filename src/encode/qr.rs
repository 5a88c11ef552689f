//! QR codes as pictures: SVG and PNG.
//!
//! A PNG is exactly as large as asked for; modules are whole pixels, so that scanners see sharp squares, and what is left
//! over widens the margin. An SVG has one unit a module and any size.

use std::fmt::Write;

use qrcode::{Color as Module, EcLevel, QrCode};

/// How much of a code may be unreadable before its text is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// 7%
    L,
    /// 15%
    M,
    /// 25%
    Q,
    /// 30%
    H,
}

/// Red, green, blue and opacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rgba(pub [u8; 4]);

impl Rgba {
    /// Opaque black.
    pub const BLACK: Self = Self([0, 0, 0, 255]);
    /// Opaque white.
    pub const WHITE: Self = Self([255; 4]);

    /// `#rgb`, `#rrggbb` or `#rrggbbaa`, in either case, with or without its `#`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').unwrap_or(text).as_bytes();
        let digit = |at: usize| u8::try_from(char::from(digits[at]).to_digit(16)?).ok();
        let pair = |at: usize| Some(digit(at)? << 4 | digit(at + 1)?);
        let twice = |at: usize| Some(digit(at)? * 17);
        match digits.len() {
            3 => Some(Self([twice(0)?, twice(1)?, twice(2)?, 255])),
            6 => Some(Self([pair(0)?, pair(2)?, pair(4)?, 255])),
            8 => Some(Self([pair(0)?, pair(2)?, pair(4)?, pair(6)?])),
            _ => None,
        }
    }
}

/// How a code is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Width and height, in pixels.
    pub size: u32,
    /// Blank modules on each side. Four are the standard's quiet zone.
    pub margin: u32,
    /// Of dark modules.
    pub foreground: Rgba,
    /// Of light modules and the margin.
    pub background: Rgba,
}

/// Why there is no code or no picture of it.
#[derive(Debug, thiserror::Error)]
pub enum QrError {
    /// The text does not fit into the largest code of its level.
    #[error("the text is too long for a QR code of this level")]
    TooLong,
    /// A module would be less than a pixel.
    #[error("the picture needs at least {needed} pixels")]
    TooSmall {
        /// The least size, in pixels.
        needed: u32,
    },
    /// The picture could not be written.
    #[error(transparent)]
    Png(#[from] png::EncodingError),
}

/// A code: a square of dark and light modules.
#[derive(Clone, Debug)]
pub struct Qr {
    /// Modules a side.
    width: u32,
    /// Row by row.
    dark: Vec<bool>,
}

impl Qr {
    /// The smallest code that holds `text`.
    ///
    /// # Errors
    /// When even the largest does not: 2,953 bytes at level L, 2,331 at M, 1,663 at Q, 1,273 at H.
    pub fn new(text: &str, level: Level) -> Result<Self, QrError> {
        let level = match level {
            Level::L => EcLevel::L,
            Level::M => EcLevel::M,
            Level::Q => EcLevel::Q,
            Level::H => EcLevel::H,
        };
        let code = QrCode::with_error_correction_level(text, level).map_err(|_| QrError::TooLong)?;
        let dark: Vec<bool> = code.to_colors().into_iter().map(|module| module == Module::Dark).collect();
        let width = u32::try_from(code.width()).map_err(|_| QrError::TooLong)?;
        Ok(Self { width, dark })
    }

    fn row(&self, row: u32) -> &[bool] {
        let width = self.width as usize;
        &self.dark[row as usize * width..][..width]
    }

    /// As a PNG of two colours.
    ///
    /// # Errors
    /// When the size leaves less than a pixel for a module.
    pub fn png(&self, look: &Look) -> Result<Vec<u8>, QrError> {
        let needed = self.width + 2 * look.margin;
        let module = look.size / needed;
        if module == 0 {
            return Err(QrError::TooSmall { needed });
        }
        let code = module * self.width;
        let before = (look.size - code) / 2;
        let after = look.size - code - before;
        let mut bytes = Vec::new();
        {
            let mut encoder = png::Encoder::new(&mut bytes, look.size, look.size);
            encoder.set_color(png::ColorType::Indexed);
            encoder.set_depth(png::BitDepth::One);
            let (Rgba(light), Rgba(dark)) = (look.background, look.foreground);
            encoder.set_palette([&light[..3], &dark[..3]].concat());
            if light[3] < 255 || dark[3] < 255 {
                encoder.set_trns(vec![light[3], dark[3]]);
            }
            let mut writer = encoder.write_header()?;
            // Row by row: the picture never stands in memory.
            let mut stream = writer.stream_writer()?;
            let mut put = |line: &[u8], times: u32| -> Result<(), QrError> {
                for _ in 0..times {
                    std::io::Write::write_all(&mut stream, line).map_err(png::EncodingError::IoError)?;
                }
                Ok(())
            };
            let blank = vec![0; look.size.div_ceil(8) as usize];
            put(&blank, before)?;
            for row in 0..self.width {
                let mut line = blank.clone();
                for (column, _) in (0u32..).zip(self.row(row)).filter(|(_, dark)| **dark) {
                    for pixel in before + column * module..before + (column + 1) * module {
                        line[pixel as usize / 8] |= 0x80 >> (pixel % 8);
                    }
                }
                put(&line, module)?;
            }
            put(&blank, after)?;
            stream.finish()?;
            writer.finish()?;
        }
        Ok(bytes)
    }

    /// As an SVG. Nothing but numbers stands in it.
    pub fn svg(&self, look: &Look) -> String {
        let (size, margin) = (look.size, look.margin);
        let side = self.width + 2 * margin;
        let mut path = String::new();
        // Neighbours in a row are one rectangle. Writing to a string cannot fail.
        for row in 0..self.width {
            let modules = self.row(row);
            let mut column = 0;
            while let Some(start) = modules[column..].iter().position(|dark| *dark).map(|at| column + at) {
                let run = modules[start..].iter().take_while(|dark| **dark).count();
                let _ = write!(path, "M{} {}h{run}v1h-{run}z", start + margin as usize, row + margin);
                column = start + run;
            }
        }
        let (light, dark) = (paint(look.background), paint(look.foreground));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{size}\" height=\"{size}\" viewBox=\"0 0 {side} {side}\" \
             shape-rendering=\"crispEdges\"><path {light} d=\"M0 0h{side}v{side}H0z\"/><path {dark} d=\"{path}\"/></svg>\n"
        )
    }
}

/// The attributes of a colour.
fn paint(Rgba([red, green, blue, opacity]): Rgba) -> String {
    let colour = format!("fill=\"#{red:02x}{green:02x}{blue:02x}\"");
    if opacity == 255 { colour } else { format!("{colour} fill-opacity=\"{:.3}\"", f32::from(opacity) / 255.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look { size: 600, margin: 2, foreground: Rgba::BLACK, background: Rgba::WHITE };

    /// The pixels of a PNG, a palette index each.
    fn pixels(png: &[u8]) -> (u32, Vec<u8>) {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
        decoder.set_transformations(png::Transformations::IDENTITY);
        let mut reader = decoder.read_info().unwrap();
        let mut packed = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut packed).unwrap();
        assert_eq!((frame.width, frame.bit_depth), (frame.height, png::BitDepth::One));
        let line = frame.line_size;
        let pixel = |x: u32, y: u32| packed[y as usize * line + x as usize / 8] >> (7 - x % 8) & 1;
        (frame.width, (0..frame.height).flat_map(|y| (0..frame.width).map(move |x| pixel(x, y))).collect())
    }

    #[test]
    fn colours() {
        for (text, expected) in [
            ("#000", Some([0, 0, 0, 255])),
            ("fff", Some([255; 4])),
            ("#1a2B3c", Some([0x1a, 0x2b, 0x3c, 255])),
            ("1a2b3c00", Some([0x1a, 0x2b, 0x3c, 0])),
            ("", None),
            ("#", None),
            ("#12", None),
            ("##fff", None),
            ("#ggg", None),
            ("é00", None),
            ("red", None),
            ("\"><script>", None),
        ] {
            assert_eq!(Rgba::parse(text), expected.map(Rgba), "{text}");
        }
    }

    #[test]
    fn every_module_is_where_it_belongs() {
        let qr = Qr::new("https://example.com/a?qr=1", Level::M).unwrap();
        for (size, margin) in [(600, 2), (qr.width, 0), (qr.width + 8, 4), (100, 0), (333, 3)] {
            let look = Look { size, margin, ..LOOK };
            let (width, pixels) = pixels(&qr.png(&look).unwrap());
            assert_eq!(width, size);
            let module = size / (qr.width + 2 * margin);
            let before = (size - module * qr.width) / 2;
            assert!(before >= margin * module);
            for y in 0..size {
                for x in 0..size {
                    let place = |at: u32| at.checked_sub(before).map(|at| at / module).filter(|at| *at < qr.width);
                    let dark = place(x).zip(place(y)).is_some_and(|(column, row)| qr.row(row)[column as usize]);
                    assert_eq!(pixels[(y * size + x) as usize] == 1, dark, "{size} {margin} {x} {y}");
                }
            }
        }
    }

    #[test]
    fn svg_draws_the_same_modules() {
        let qr = Qr::new("https://example.com", Level::L).unwrap();
        let svg = qr.svg(&Look { foreground: Rgba([255, 0, 0, 128]), ..LOOK });
        let side = qr.width + 4;
        assert!(svg.contains(&format!("width=\"600\" height=\"600\" viewBox=\"0 0 {side} {side}\"")), "{svg}");
        assert!(svg.contains("fill=\"#ff0000\" fill-opacity=\"0.502\""), "{svg}");
        let path = svg.rsplit_once("d=\"").unwrap().1.split('"').next().unwrap();
        let mut drawn = vec![false; qr.dark.len()];
        for run in path.split('M').skip(1) {
            let (start, rest) = run.split_once('h').unwrap();
            let (column, row) = start.split_once(' ').unwrap();
            let (column, row): (usize, usize) = (column.parse().unwrap(), row.parse().unwrap());
            let length: usize = rest.split('v').next().unwrap().parse().unwrap();
            for place in column..column + length {
                drawn[(row - 2) * qr.width as usize + place - 2] = true;
            }
        }
        assert_eq!(drawn, qr.dark);
    }

    #[test]
    fn limits() {
        for (level, capacity) in [(Level::L, 2_953), (Level::M, 2_331), (Level::Q, 1_663), (Level::H, 1_273)] {
            let text = |length: usize| "x".repeat(length);
            assert_eq!(Qr::new(&text(capacity), level).unwrap().width, 177);
            assert!(matches!(Qr::new(&text(capacity + 1), level), Err(QrError::TooLong)));
        }
        let qr = Qr::new("x", Level::L).unwrap();
        assert_eq!(qr.width, 21);
        let refused = qr.png(&Look { size: 24, ..LOOK }).unwrap_err();
        assert!(matches!(refused, QrError::TooSmall { needed: 25 }), "{refused}");
    }
}
