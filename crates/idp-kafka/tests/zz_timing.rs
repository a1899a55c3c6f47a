//! Scratch.
mod harness;
use harness::*;
use idp_application::EventBus;
use idp_conformance::BusHarness;
use std::time::Instant;
#[tokio::test(flavor = "multi_thread")]
async fn timing() {
    let t = Instant::now();
    let h = KafkaHarness::transactional().await;
    println!("harness {:?}", t.elapsed());
    let t = Instant::now();
    let topic = h.topic("letters").await;
    println!("topic {:?}", t.elapsed());
    let t = Instant::now();
    let bus = h.connect().await;
    println!("connect {:?}", t.elapsed());
    let t = Instant::now();
    let bus2 = h.connect().await;
    println!("connect2 {:?}", t.elapsed());
    let l = Letters::of_lane(&topic, 3);
    for n in 0..5 {
        let t = Instant::now();
        bus.publish(&l.messages(n * 10 + 1..=n * 10 + 10)).await.unwrap();
        println!("publish {:?}", t.elapsed());
    }
    let l = l.under(2);
    let t = Instant::now();
    bus2.publish(&l.messages(41..=60)).await.unwrap();
    println!("takeover {:?}", t.elapsed());
    let t = Instant::now();
    println!("{}", h.broker.stored(&topic).await.len());
    println!("stored {:?}", t.elapsed());
    let t = Instant::now();
    drop(bus);
    drop(bus2);
    drop(h);
    println!("drop {:?}", t.elapsed());
}
