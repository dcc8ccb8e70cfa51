//! The words of users and of the desk, in Chinese and English. `{item}`, `{order}` and `{days}` are filled in.

use proto::feedback::v1::CaseKind;
use rand::{RngExt, rngs::StdRng};

use crate::demo::words::Lang;

type Phrases = &'static [(&'static str, &'static str)];

const COMPLAINTS: Phrases = &[
    (
        "订单 {order} 的快递已经{days}天没有更新了，什么时候能到？",
        "Parcel {order} has not moved for {days} days. Where is it?",
    ),
    (
        "收到的{item}包装破损，里面洒了一半，太失望了",
        "The {item} arrived with a torn box, half of it spilt. Disappointing.",
    ),
    ("{item}少发了一件，订单 {order}，请补发", "One piece of {item} is missing from order {order}, please send it."),
    ("申请退款{days}天了还没到账，请尽快处理！", "I asked for my refund {days} days ago and still have no money back!"),
    ("发错货了，我买的不是这个{item}", "You sent the wrong item, this is not the {item} I bought."),
    ("{item}和描述不符，颜色差很多", "The {item} is not as described, the colour is far off."),
    ("送货员态度很差，打电话直接挂断，我很生气", "The courier was rude and hung up on me. I am angry."),
    (
        "结算时优惠券没有抵扣，多付了钱，要求退差价",
        "The coupon was not taken off at checkout, I paid too much and want the difference back.",
    ),
    ("{item}用了{days}天就坏了，质量太差", "The {item} broke after {days} days. Poor quality."),
    ("生鲜到货时已经化冻，没法吃，要求赔偿", "The frozen goods came thawed and cannot be eaten. I want compensation."),
];
const QUESTIONS: Phrases = &[
    ("请问订单 {order} 可以改收货地址吗？", "Can I change the address of order {order}?"),
    ("{item}可以开发票吗，抬头写公司", "Can I have an invoice for the {item} in my company's name?"),
    ("积分什么时候到账？我的订单已经签收了", "When will I get my points? The order has arrived."),
    ("优惠券和积分可以一起用吗？", "Can a coupon and points be used together?"),
    ("{item}的保质期到什么时候？", "What is the best-before date of the {item}?"),
    ("银卡会员有什么权益？", "What do I get as a Silver member?"),
    ("拆封后的{item}还能退吗？", "Can I still return the {item} once opened?"),
    ("你们周日发货吗？", "Do you ship on Sundays?"),
];
const PRAISES: Phrases = &[
    ("{item}很好吃，全家都喜欢，谢谢！", "Great {item}, the whole family loves it, thank you!"),
    ("物流超快，昨天下单今天就到了", "Very fast delivery, ordered yesterday and here today."),
    ("客服小姐姐很耐心，给个赞", "Your support was so patient with me, thumbs up."),
    ("包装很用心，还附了手写卡片", "Lovely packing, even with a handwritten card."),
];
const SUGGESTIONS: Phrases = &[
    ("建议增加夜间配送，上班族白天收不了货", "Please offer evening delivery, I am at work all day."),
    ("希望积分可以兑换礼品卡", "It would be nice to swap points for a gift card."),
    ("搜索结果能不能按销量排序", "Could search results be sorted by sales?"),
    ("包装可以少用一点塑料吗，环保一些", "Could you use less plastic in the packing?"),
    ("家电类目太少了，希望多上新", "There are too few appliances, I hope for more."),
    ("建议首页加一个常购清单", "A list of what I usually buy on the front page would help."),
];
const BUGS: Phrases = &[
    ("付款页面一直转圈，付不了款", "The payment page keeps spinning, I cannot pay."),
    ("点开“我的优惠券”就闪退，安卓 14", "Opening “my coupons” crashes the app, Android 14."),
    ("登录收不到验证码，试了好几次", "The login code never arrives, I tried several times."),
    ("商品图片加载不出来，一片空白", "Product pictures do not load, all blank."),
    ("修改昵称后又变回去了", "My nickname changes back after I edit it."),
];
const REPORTS: Phrases = &[
    ("这个用户在评论区辱骂别人，请处理", "This user insults others in the reviews, please act."),
    ("有人在问答里刷广告链接", "Someone floods the questions with advertising links."),
    ("该用户盗用我的晒单图片", "This user posts my pictures as theirs."),
];
const REPLIES: Phrases = &[
    ("照片已上传，请查收", "I have uploaded the pictures."),
    ("尾号 {days}，麻烦尽快", "The last digits are {days}, please hurry."),
    ("是的，就是这一单", "Yes, that is the order."),
];
const REOPENINGS: Phrases = &[
    ("问题还在，并没有解决", "It is still there, nothing was solved."),
    ("又出现了，请再看一下", "It happened again, please look once more."),
    ("说好的退款还是没收到", "The refund you promised has not come."),
];
const ANSWERS: Phrases = &[
    ("您好，已经为您登记，我们马上核实。", "Hello, we have noted this and are checking it now."),
    ("非常抱歉给您带来不便，我们正在联系仓库。", "We are sorry for the trouble and are talking to the warehouse."),
    ("感谢您的反馈，已转给相关同事。", "Thank you for telling us, a colleague is on it."),
    ("已为您补发，单号稍后短信通知。", "A replacement is on its way, the number follows by message."),
];
const ASKED: Phrases = &[
    ("麻烦您提供一下照片，方便我们核实。", "Could you send us a picture, so that we can check?"),
    ("请问是哪一个订单呢？", "Which order is it about?"),
];
/// Categories of the shelves, in Chinese.
const ITEMS: [(&str, &str); 5] =
    [("snacks", "零食"), ("drinks", "饮料"), ("household", "日用品"), ("beauty", "护肤品"), ("appliances", "小家电")];

/// What a user says first.
pub(super) fn opening(kind: CaseKind, lang: Lang, category: &str, order_id: &str, rng: &mut StdRng) -> String {
    let phrases = match kind {
        CaseKind::Complaint => COMPLAINTS,
        CaseKind::Question => QUESTIONS,
        CaseKind::Praise => PRAISES,
        CaseKind::Suggestion => SUGGESTIONS,
        CaseKind::UserReport => REPORTS,
        _ => BUGS,
    };
    let zh = ITEMS.iter().find(|(en, _)| *en == category).map_or("商品", |(_, zh)| zh);
    let en = if category.is_empty() { "goods" } else { category };
    let order = order_id.rsplit('-').next().unwrap_or_default();
    one_of(phrases, lang, rng).replace("{item}", lang.pick(zh, en)).replace("{order}", order)
}

/// What a user writes when the desk asks.
pub(crate) fn reply(lang: Lang, rng: &mut StdRng) -> String {
    one_of(REPLIES, lang, rng)
}

/// Why a user opens a case again.
pub(crate) fn reopening(lang: Lang, rng: &mut StdRng) -> String {
    one_of(REOPENINGS, lang, rng)
}

/// What the desk answers.
pub(crate) fn answer(lang: Lang, rng: &mut StdRng) -> String {
    one_of(ANSWERS, lang, rng)
}

/// What the desk asks.
pub(crate) fn asked(lang: Lang, rng: &mut StdRng) -> String {
    one_of(ASKED, lang, rng)
}

fn one_of(phrases: Phrases, lang: Lang, rng: &mut StdRng) -> String {
    let (zh, en) = phrases[rng.random_range(0..phrases.len())];
    lang.pick(zh, en).replace("{days}", &rng.random_range(2..=9).to_string())
}
