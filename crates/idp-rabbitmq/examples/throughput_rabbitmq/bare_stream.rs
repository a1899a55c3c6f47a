//! The least that a producer of a stream must do: the frames as bytes, and nothing checked twice.

use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) struct BareStream {
    stream: TcpStream,
    next: u64,
}

impl BareStream {
    /// Logs in as `guest` and declares a named producer.
    pub(crate) async fn connect(node: &str, stream: &str) -> io::Result<Self> {
        let mut client = Self { stream: TcpStream::connect(node).await?, next: 1 };
        client.stream.set_nodelay(true)?;
        client.ask(0x11, &0_u32.to_be_bytes()).await?;
        client.ask(0x12, &[]).await?;
        let secret = [&text("PLAIN")[..], &12_u32.to_be_bytes(), b"\0guest\0guest"].concat();
        client.ask(0x13, &secret).await?;
        let tune = client.read().await?;
        client.write(&tune).await?;
        client.ask(0x15, &text("/")).await?;
        let name = [&[0][..], &text("bare"), &text(stream)].concat();
        client.ask(0x01, &name).await?;
        Ok(client)
    }

    /// Each batch as one frame, and all its confirmations before the next.
    pub(crate) async fn publish(
        &mut self,
        bodies: &[Vec<u8>],
        batch: usize,
    ) -> Result<(), Box<dyn std::error::Error>> {
        for bodies in bodies.chunks(batch) {
            let mut frame = vec![0, 2, 0, 1, 0];
            frame.extend((bodies.len() as u32).to_be_bytes());
            for body in bodies {
                frame.extend(self.next.to_be_bytes());
                frame.extend((body.len() as u32).to_be_bytes());
                frame.extend(body);
                self.next += 1;
            }
            self.write(&frame).await?;
            let mut confirmed = 0;
            while confirmed < bodies.len() {
                let answer = self.read().await?;
                if answer[..2] == [0, 3] {
                    confirmed += (answer.len() - 9) / 8;
                }
            }
        }
        Ok(())
    }

    async fn ask(&mut self, key: u16, content: &[u8]) -> io::Result<()> {
        self.write(&[&key.to_be_bytes()[..], &[0, 1, 0, 0, 0, 1], content].concat()).await?;
        let answer = self.read().await?;
        assert_eq!(answer[8..10], [0, 1], "the broker answers {answer:?} to {key:#x}");
        Ok(())
    }

    async fn write(&mut self, frame: &[u8]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(4 + frame.len());
        bytes.extend((frame.len() as u32).to_be_bytes());
        bytes.extend(frame);
        self.stream.write_all(&bytes).await
    }

    async fn read(&mut self) -> io::Result<Vec<u8>> {
        let size = self.stream.read_u32().await?;
        let mut frame = vec![0; size as usize];
        self.stream.read_exact(&mut frame).await?;
        Ok(frame)
    }
}

fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat()
}
